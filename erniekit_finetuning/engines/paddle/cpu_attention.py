"""Attention for CPUs, in numpy, block by block.

Paddle's own attention writes scores of [batch, heads, length, length] to memory several times; at
1,000 tokens that takes ten times longer than the arithmetic. Here one block of rows of one document
stays in the cache, nothing above the diagonal is computed, and padding is never touched, so a
document's result does not depend on what else is in its batch.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
BLOCK = 128
NAME = "numpy_blocks"
_ABOVE = np.triu(np.full((BLOCK, BLOCK), -np.inf, np.float32), 1)


def attend_causally(q: Array, k: Array, v: Array, scale: float) -> tuple[Array, Array]:
    """Causal attention of one document's newest tokens, or of all of them.

    q [heads, new, dim]; k, v [groups, length, dim]; heads h of group g are g*r .. g*r+r-1.
    Returns the output like q, and the log of the softmax sums [heads, new].
    """
    groups, _, dim = k.shape
    out = np.empty_like(q)
    sums = np.empty(q.shape[:2], np.float32)
    for start, end, scores in _score_blocks(q, k, scale):
        top = scores.max(-1, keepdims=True)
        scores -= top
        np.exp(scores, out=scores)
        total = scores.sum(-1, keepdims=True)
        seen = scores.shape[2]
        rows = np.matmul(scores.reshape(groups, -1, seen), v[:, :seen])
        rows = rows.reshape(*total.shape[:2], dim)
        out[:, start:end] = rows / total
        sums[:, start:end] = (top + np.log(total))[..., 0]
    return out, sums


def attend_causally_backward(
    q: Array, k: Array, v: Array, out: Array, sums: Array, grad: Array, scale: float
) -> tuple[Array, Array, Array]:
    """Gradients of q, k and v; the scores are computed again rather than kept."""
    groups, _, dim = k.shape
    dq, dk, dv = np.empty_like(q), np.zeros_like(k), np.zeros_like(v)
    inner = (grad * out).sum(-1, keepdims=True)
    for start, end, scores in _score_blocks(q, k, scale):
        scores -= sums[:, start:end, None]
        weights = np.exp(scores, out=scores).reshape(groups, -1, end)
        d_rows = _grouped(grad[:, start:end], groups)
        dv[:, :end] += np.matmul(weights.swapaxes(1, 2), d_rows)
        d_scores = np.matmul(d_rows, v[:, :end].swapaxes(1, 2))
        d_scores -= _grouped(inner[:, start:end], groups)
        d_scores *= weights
        d_scores *= np.float32(scale)
        dq[:, start:end] = np.matmul(d_scores, k[:, :end]).reshape(-1, end - start, dim)
        dk[:, :end] += np.matmul(d_scores.swapaxes(1, 2), _grouped(q[:, start:end], groups))
    return dq, dk, dv


def _score_blocks(q: Array, k: Array, scale: float) -> Iterator[tuple[int, int, Array]]:
    """Blocks of q's rows, from where to where, and their scores of all tokens up to their last."""
    groups, new = k.shape[0], q.shape[1]
    before = k.shape[1] - new
    transposed = k.swapaxes(1, 2)
    for start in range(0, new, BLOCK):
        end = min(start + BLOCK, new)
        size, seen = end - start, before + end
        block = _grouped(q[:, start:end], groups) * np.float32(scale)
        scores = np.matmul(block, transposed[:, :, :seen])
        scores = scores.reshape(q.shape[0], size, seen)
        scores[:, :, before + start :] += _ABOVE[:size, :size]
        yield start, end, scores


def _grouped(rows: Array, groups: int) -> Array:
    return rows.reshape(groups, -1, rows.shape[-1])

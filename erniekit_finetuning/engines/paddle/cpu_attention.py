"""Attention for CPUs, in numpy, block by block.

Paddle's own attention writes scores of [batch, heads, length, length] to memory several times; at
1,000 tokens that takes ten times longer than the arithmetic. Here one block of rows of one document
stays in the cache, nothing above the diagonal is computed, and padding is never touched, so a
document's result does not depend on what else is in its batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.engines.side_by_side import aligned

Array = NDArray[np.float32]
BLOCK = 128
NAME = "numpy_blocks"


def attend_causally(q: Array, k: Array, v: Array, scale: float) -> tuple[Array, Array]:
    """Causal attention of one document.

    q [heads, length, dim]; k, v [groups, length, dim]; heads h of group g are g*r .. g*r+r-1.
    Returns the output like q, and the log of the softmax sums [heads, length].
    """
    groups, _, dim = k.shape
    out = np.empty_like(q)
    sums = np.empty(q.shape[:2], np.float32)
    for start, end, scores in _score_blocks(q, k, scale):
        top = scores.max(-1, keepdims=True)
        scores -= top
        np.exp(scores, out=scores)
        total = scores.sum(-1, keepdims=True)
        rows = np.matmul(scores.reshape(groups, -1, end), v[:, :end]).reshape(*total.shape[:2], dim)
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
    groups, length, _ = k.shape
    above = np.triu(np.full((BLOCK, BLOCK), -np.inf, np.float32), 1)
    transposed = k.swapaxes(1, 2) * np.float32(scale)
    for start in range(0, length, BLOCK):
        end = min(start + BLOCK, length)
        size = end - start
        scores = np.matmul(_grouped(q[:, start:end], groups), transposed[:, :, :end])
        scores = scores.reshape(q.shape[0], size, end)
        scores[:, :, start:] += above[:size, :size]
        yield start, end, scores


def _grouped(rows: Array, groups: int) -> Array:
    return rows.reshape(groups, -1, rows.shape[-1])


class RowCache:
    """Keys and values of a batch, aligned on the right: row i begins at column starts[i].

    Rows are filled alone (`RowCache.of_one`) and then put side by side (`beside`), so that a long
    prompt makes no work for a short one; more rows can be put beside them at any time.
    """

    mask: None = None

    def __init__(self, keys: list[Array], values: list[Array], starts: NDArray[np.int64]) -> None:
        self._keys, self._values = keys, values
        self.starts = starts
        self.length = 0

    @classmethod
    def of_one(cls, layers: int, groups: int, dim: int, columns: int) -> RowCache:
        """An empty cache for one row of `columns` tokens."""
        shape = (1, groups, columns, dim)
        keys = [np.zeros(shape, np.float32) for _ in range(layers)]
        return cls(keys, [np.zeros_like(key) for key in keys], np.zeros(1, np.int64))

    @classmethod
    def beside(cls, caches: Sequence[RowCache], room: int) -> RowCache:
        """Put the rows of filled caches into one batch, with room for more columns."""
        filled = [cache.length for cache in caches]
        used, length, starts = aligned([cache.starts for cache in caches], filled)

        def side_by_side(layers: list[list[Array]]) -> list[Array]:
            _, groups, _, dim = layers[0][0].shape
            joined = []
            for layer in zip(*layers, strict=True):
                whole = np.zeros((len(starts), groups, length + room, dim), np.float32)
                row = 0
                for cache, part, columns in zip(caches, layer, used, strict=True):
                    below = row + len(part)
                    newest = part[:, :, cache.length - columns : cache.length]
                    whole[row:below, :, length - columns : length] = newest
                    row = below
                joined.append(whole)
            return joined

        keys = side_by_side([cache._keys for cache in caches])
        cache = cls(keys, side_by_side([cache._values for cache in caches]), starts)
        cache.length = length
        return cache

    @property
    def for_model(self) -> RowCache:
        """What the model takes as past_key_values."""
        return self

    def get_seq_length(self, layer: int = 0) -> int:
        """Columns filled so far; the model asks for it before a step."""
        return self.length

    def update(self, key: Any, value: Any, layer: int) -> tuple[Cached, None]:
        """Append one step of one layer; what comes back is what the attention gets as its key."""
        end = self.length + key.shape[2]
        keys, values = self._keys[layer], self._values[layer]
        keys[:, :, self.length : end] = key.numpy()
        values[:, :, self.length : end] = value.numpy()
        if layer == len(self._keys) - 1:
            self.length = end
        return Cached(keys[:, :, :end], values[:, :, :end], self.starts), None

    def keep(self, rows: NDArray[np.int64]) -> None:
        """Drop every row but these."""
        self.starts = self.starts[rows]
        self._keys = [keys[rows] for keys in self._keys]
        self._values = [values[rows] for values in self._values]


@dataclass(frozen=True)
class Cached:
    """All keys and values of one layer up to now: [rows, groups, columns, dim]."""

    keys: Array
    values: Array
    starts: NDArray[np.int64]

    def attend(self, q: Array, scale: float) -> Array:
        """Attention of the newest columns, q [rows, heads, new, dim]: a whole row, or one each."""
        if q.shape[2] > 1:
            return attend_causally(q[0], self.keys[0], self.values[0], scale)[0][None]
        rows, groups, columns, dim = self.keys.shape
        grouped = q.reshape(rows, groups, -1, dim) * np.float32(scale)
        scores = np.matmul(grouped, self.keys.swapaxes(2, 3))
        padding = np.arange(columns) < self.starts[:, None]
        scores += np.where(padding, np.float32(-np.inf), np.float32(0))[:, None, None]
        scores -= scores.max(-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(-1, keepdims=True)
        out: Array = np.matmul(scores, self.values).reshape(q.shape)
        return out

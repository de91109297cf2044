"""Causal attention for pre-training on CPUs with bfloat16 instructions.

torch's own kernel for CPUs multiplies in small pieces. Large matrix products of 256 rows at a time,
with the weights kept for the way back, take 0.44 to 0.7 times as long at 256 to 2,048 tokens (one
thread, 4 heads of 64). Weights are rounded to bfloat16: gradients differ by half a percent from
those of torch's kernel.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AttentionInterface

NAME = "blocks_of_rows"
BLOCK = 256


# Compiled, it would be compiled once more for each length.
@torch.compiler.disable  # type: ignore[untyped-decorator]
def _blockwise(q: Any, k: Any, v: Any, branches: Any) -> Any:
    return _Attention.apply(q, k, v, branches)


class _Attention(torch.autograd.Function):  # type: ignore[misc]
    """q, k, v [rows * heads, length, dim] of the same dtype, no padding before a row's tokens.

    Tokens see those before them of their own branch and of branch 0; `branches` is [rows, length].
    """

    @staticmethod
    def forward(ctx: Any, q: Any, k: Any, v: Any, branches: Any) -> Any:
        out, kept = torch.empty_like(q), []
        for start, end in _blocks(q):
            scores = torch.bmm(q[:, start:end], k[:, :end].transpose(1, 2))
            scores[:, :, start:] += _above(end - start, q.dtype)
            if branches is not None:
                _hide(scores, branches[:, start:end, None], branches[:, None, :end])
            weights = torch.softmax(scores, -1)
            out[:, start:end] = torch.bmm(weights, v[:, :end])
            kept.append(weights)
        ctx.save_for_backward(q, k, v, *kept)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        q, k, v, *kept = ctx.saved_tensors
        (grad,) = grads
        dq, dk, dv = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        for (start, end), weights in zip(_blocks(q), kept, strict=True):
            rows = grad[:, start:end]
            dv[:, :end] += torch.bmm(weights.transpose(1, 2), rows)
            d_weights = torch.bmm(rows, v[:, :end].transpose(1, 2))
            d_scores = torch._softmax_backward_data(d_weights, weights, -1, weights.dtype)
            dq[:, start:end] = torch.bmm(d_scores, k[:, :end])
            dk[:, :end] += torch.bmm(d_scores.transpose(1, 2), q[:, start:end])
        return dq, dk, dv, None


def _blocks(q: Any) -> list[tuple[int, int]]:
    length = q.shape[1]
    return [(start, min(start + BLOCK, length)) for start in range(0, length, BLOCK)]


def _above(size: int, dtype: Any) -> Any:
    """Minus infinity above the diagonal."""
    return torch.full((size, size), float("-inf"), dtype=dtype).triu(1)


def _hide(scores: Any, own: Any, others: Any) -> None:
    """Minus infinity where a token looks into a branch that is neither shared nor its own."""
    if others.any():
        hidden = (others != 0) & (others != own)
        rows, size, length = hidden.shape
        scores.view(rows, -1, size, length).masked_fill_(hidden[:, None], float("-inf"))


def _attend(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    mask: Any,
    scaling: float,
    branches: Any = None,
    **_: Any,
) -> tuple[Any, None]:
    """transformers' interface: q, k, v [batch, heads, length, dim]; padding is on the right.

    `branches` [batch, length] comes from the model's caller.
    """
    batch, heads, length, dim = query.shape
    flat = (batch * heads, length, dim)
    q, k, v = (
        (x.repeat_interleave(heads // x.shape[1], 1)).reshape(flat) for x in (query, key, value)
    )
    out = _blockwise(q * scaling, k, v, branches)
    return out.view(batch, heads, length, dim).transpose(1, 2), None


AttentionInterface.register(NAME, _attend)

"""Causal attention over packed rows on GPUs: torch's flex attention, which skips what is hidden."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention
from transformers import AttentionInterface

NAME = "packed_rows"


def seen(texts: Tensor, branches: Tensor) -> BlockMask:
    """What each token of [sequences, length] sees: those before it of its row, of its branch and
    of the row's shared ones."""

    def visible(batch: Tensor, _: Tensor, own: Tensor, other: Tensor) -> Tensor:
        branch = branches[batch, other]
        shared = (branch == 0) | (branch == branches[batch, own])
        return (own >= other) & (texts[batch, own] == texts[batch, other]) & shared

    sequences, length = texts.shape
    return create_block_mask(visible, sequences, None, length, length, device=texts.device)


def _attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Any,
    scaling: float,
    seen: BlockMask,
    **_: Any,
) -> tuple[Tensor, None]:
    """transformers' interface: q, k, v [batch, heads, length, dim]."""
    grouped = query.shape[1] != key.shape[1]
    # Rotated queries and keys are of 32 bits where products are of 16.
    out = flex_attention(
        query.to(value.dtype),
        key.to(value.dtype),
        value,
        block_mask=seen,
        scale=scaling,
        enable_gqa=grouped,
    )
    return out.transpose(1, 2), None


AttentionInterface.register(NAME, _attend)

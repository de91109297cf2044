"""Matrices and adapters between Hugging Face's names and Paddle's fused ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from erniekit_finetuning.adapters.adapter import Array, LowRank
from erniekit_finetuning.adapters.fusing import FUSED, Heads, join_outputs, split_outputs

_FUSED_OF = {part: fused for fused, parts in FUSED.items() for part in parts}


def split_update(path: str, update: LowRank, heads: Heads) -> dict[str, LowRank]:
    """The updates of Hugging Face's matrices in one of Paddle's, without ranks that add nothing.

    A part to which nothing is added is left out, unless nothing is added to any. Raises ValueError
    when shapes do not fit.
    """
    above, _, name = path.rpartition(".")
    if update.a.shape[0] != update.b.shape[1]:
        raise ValueError(f"A has rank {update.a.shape[0]}, B {update.b.shape[1]}")
    if name not in FUSED:
        return {path: update.trimmed()}
    expected = sum(heads.widths(name).values())
    if update.b.shape[0] != expected:
        raise ValueError(f"it has {update.b.shape[0]} outputs, not {expected}")
    parts = split_outputs(name, update.b, heads)
    idle = not update.b.any()
    return {
        f"{above}.{part}": LowRank(update.a, b).trimmed()
        for part, b in parts.items()
        if idle or b.any()
    }


def joined_updates(updates: Mapping[str, LowRank], heads: Heads) -> dict[str, LowRank]:
    """The updates of Paddle's matrices, a fused one of zeros where a part has none."""
    grouped: dict[str, dict[str, LowRank]] = {}
    for path, update in updates.items():
        above, _, name = path.rpartition(".")
        grouped.setdefault(f"{above}.{_FUSED_OF.get(name, name)}", {})[name] = update
    return {path: _joined(path.rpartition(".")[2], parts, heads) for path, parts in grouped.items()}


def split_whole(name: str, weight: Array, heads: Heads) -> dict[str, Array]:
    """Hugging Face's weights or biases in one of Paddle's, in [outputs, inputs].

    Raises ValueError when a fused one has another number of outputs.
    """
    path, _, kind = name.rpartition(".")
    above, _, module = path.rpartition(".")
    if not module.endswith("_proj"):
        return {name: weight}
    rows = weight.T if weight.ndim == 2 else weight[:, None]
    if module in FUSED and len(rows) != sum(heads.widths(module).values()):
        raise ValueError(f"it has {len(rows)} outputs")
    parts = split_outputs(module, rows, heads) if module in FUSED else {module: rows}
    return {
        f"{above}.{part}.{kind}": found if weight.ndim == 2 else found[:, 0]
        for part, found in parts.items()
    }


def joined_whole(whole: Mapping[str, Array], heads: Heads) -> tuple[dict[str, Array], list[str]]:
    """Paddle's weights or biases, and the names of those whose fellow parts are missing."""
    joined: dict[str, Array] = {}
    alone: list[str] = []
    for name, weight in whole.items():
        path, _, kind = name.rpartition(".")
        above, _, module = path.rpartition(".")
        fused = _FUSED_OF.get(module)
        if fused is None:
            joined[name] = weight.T if module.endswith("_proj") else weight
            continue
        parts = {part: whole.get(f"{above}.{part}.{kind}") for part in FUSED[fused]}
        given = {
            part: w if w.ndim == 2 else w[:, None] for part, w in parts.items() if w is not None
        }
        if len(given) < len(parts):
            alone.append(name)
        elif module == FUSED[fused][0]:
            rows = join_outputs(fused, given, heads)
            joined[f"{above}.{fused}.{kind}"] = rows.T if weight.ndim == 2 else rows[:, 0]
    return joined, alone


def _joined(name: str, parts: Mapping[str, LowRank], heads: Heads) -> LowRank:
    if name not in FUSED:
        return parts[name]
    given = list(parts.values())
    widths = heads.widths(name)
    if all(np.array_equal(update.a, given[0].a) for update in given):
        rank = given[0].rank
        rows = {
            part: parts[part].b if part in parts else np.zeros((width, rank), np.float32)
            for part, width in widths.items()
        }
        return LowRank(given[0].a, join_outputs(name, rows, heads))
    rank = sum(update.rank for update in given)
    rows = {part: np.zeros((width, rank), np.float32) for part, width in widths.items()}
    start = 0
    for part, update in parts.items():
        rows[part][:, start : start + update.rank] = update.b
        start += update.rank
    joined = join_outputs(name, rows, heads)
    return LowRank(np.concatenate([update.a for update in given]), joined)

"""Matrices that Paddle's model computes together, taken apart and put together.

qkv_proj holds, for each group of heads that share a key and a value, the outputs of the group's
queries, then of its key, then of its value; up_gate_proj holds gate, then up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from erniekit_finetuning.adapters.adapter import Array

FUSED = {"qkv_proj": ("q_proj", "k_proj", "v_proj"), "up_gate_proj": ("gate_proj", "up_proj")}


@dataclass(frozen=True)
class Heads:
    """The measures of a decoder's matrices."""

    heads: int
    groups: int
    dim: int
    inner: int

    @classmethod
    def of(cls, base: Path) -> Heads:
        """Those of the model in a folder."""
        config = json.loads((base / "config.json").read_text(encoding="utf-8"))
        config = config.get("text_config", config)
        heads = int(config["num_attention_heads"])
        dim = config.get("head_dim") or config["hidden_size"] // heads
        groups = int(config.get("num_key_value_heads") or heads)
        return cls(heads, groups, int(dim), int(config["intermediate_size"]))

    def widths(self, fused: str) -> dict[str, int]:
        """Outputs of each part of a fused matrix."""
        if fused == "up_gate_proj":
            return {"gate_proj": self.inner, "up_proj": self.inner}
        kv = self.groups * self.dim
        return {"q_proj": self.heads * self.dim, "k_proj": kv, "v_proj": kv}


def split_outputs(fused: str, rows: Array, heads: Heads) -> dict[str, Array]:
    """The rows [outputs, r] of each part of a fused matrix."""
    widths = heads.widths(fused)
    blocks = heads.groups if fused == "qkv_proj" else 1
    grouped = rows.reshape(blocks, -1, rows.shape[1])
    ends = np.cumsum([width // blocks for width in widths.values()])
    parts = np.split(grouped, ends[:-1], axis=1)
    return {
        name: np.ascontiguousarray(part.reshape(-1, rows.shape[1]))
        for name, part in zip(widths, parts, strict=True)
    }


def join_outputs(fused: str, parts: Mapping[str, Array], heads: Heads) -> Array:
    """The inverse of `split_outputs`."""
    blocks = heads.groups if fused == "qkv_proj" else 1
    grouped = [parts[name].reshape(blocks, -1, parts[name].shape[1]) for name in FUSED[fused]]
    joined = np.concatenate(grouped, axis=1)
    return np.ascontiguousarray(joined.reshape(-1, joined.shape[2]))

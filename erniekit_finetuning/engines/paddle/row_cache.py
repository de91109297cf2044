"""Keys and values of several texts for the attention of cpu_attention, each text's alone.

The model sees one row with the new tokens of all texts in it, as many of each as it has: no text
makes work for another, and one that comes or goes moves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.engines.paddle.cpu_attention import Array, attend_causally


@dataclass
class Row:
    """One text: `keys` and `values` [layers, groups, room, dim], of which `length` are filled."""

    keys: Array
    values: Array
    length: int = 0

    @classmethod
    def empty(cls, layers: int, groups: int, dim: int, room: int) -> Self:
        """Room for so many tokens; memory is taken as they come."""
        shape = (layers, groups, room, dim)
        return cls(np.empty(shape, np.float32), np.empty(shape, np.float32))


class RowCache:
    """The rows of a batch, and how many new tokens of each the model is about to read.

    It stands in the place of the model's own cache.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = list(rows)
        self._new: Sequence[int] = ()

    @classmethod
    def beside(cls, caches: Sequence[RowCache]) -> RowCache:
        """Put the rows of several into one batch."""
        return cls([row for cache in caches for row in cache.rows])

    def keep(self, rows: NDArray[np.int64]) -> RowCache:
        """Only these rows."""
        return RowCache([self.rows[row] for row in rows])

    def expect(self, new: Sequence[int]) -> None:
        """The next row of tokens that the model reads holds so many of each text, in order."""
        self._new = new

    def get_seq_length(self, layer: int = 0) -> int:
        """Tokens before the new ones; the model asks, and is told their positions besides."""
        return max(row.length for row in self.rows)

    def update(self, key: Any, value: Any, layer: int) -> tuple[Cached, None]:
        """Append the new tokens of one layer; what comes back is the attention's key."""
        keys, values = key.numpy()[0], value.numpy()[0]
        parts, first = [], 0
        for row, new in zip(self.rows, self._new, strict=True):
            end = row.length + new
            row.keys[layer, :, row.length : end] = keys[:, first : first + new]
            row.values[layer, :, row.length : end] = values[:, first : first + new]
            parts.append(Part(row.keys[layer, :, :end], row.values[layer, :, :end], new))
            first += new
            if layer == len(row.keys) - 1:
                row.length = end
        return Cached(parts), None


@dataclass(frozen=True)
class Part:
    """Keys and values of one text's tokens up to now [groups, length, dim], `new` of them new."""

    keys: Array
    values: Array
    new: int


@dataclass(frozen=True)
class Cached:
    """One layer of all texts."""

    parts: list[Part]

    def attend(self, q: Array, scale: float) -> Array:
        """Attention of the new tokens, q [1, heads, new of all, dim]."""
        out = np.empty_like(q)
        first = 0
        for part in self.parts:
            place = np.s_[0, :, first : first + part.new]
            out[place] = attend_causally(q[place], part.keys, part.values, scale)[0]
            first += part.new
        return out

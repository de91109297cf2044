"""An adapter, whatever files it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True)
class LowRank:
    """The update B A of one matrix, before scaling: A [r, inputs], B [outputs, r]."""

    a: Array
    b: Array

    @property
    def rank(self) -> int:
        """Rows of A."""
        return int(self.a.shape[0])

    def times(self, factor: float) -> LowRank:
        """The update multiplied by a number, which goes into B."""
        return self if factor == 1 else LowRank(self.a, self.b * np.float32(factor))

    def widened(self, rank: int) -> LowRank:
        """The same update with zeros up to a higher rank."""
        missing = rank - self.rank
        a, b = ((0, missing), (0, 0)), ((0, 0), (0, missing))
        return LowRank(np.pad(self.a, a), np.pad(self.b, b)) if missing else self

    def trimmed(self) -> LowRank:
        """The same update without the ranks that add nothing.

        One that adds nothing at all, as before a training, keeps those its A has begun.
        """
        used = np.any(self.b != 0, axis=0)
        if not used.any():
            used = np.any(self.a != 0, axis=1)
        return LowRank(self.a[used], self.b[:, used]) if used.any() else self


@dataclass(frozen=True)
class Adapter:
    """Low-rank updates by the path of a matrix in Hugging Face's model.

    `whole` holds weights that were trained whole, by their name there, in [outputs, inputs].
    """

    updates: Mapping[str, LowRank]
    r: int
    alpha: float
    use_rslora: bool = False
    dropout: float = 0.0
    whole: Mapping[str, Array] = field(default_factory=dict)

    @property
    def scaling(self) -> float:
        """What every update is multiplied by.

        >>> Adapter({}, r=4, alpha=8).scaling, Adapter({}, r=4, alpha=8, use_rslora=True).scaling
        (2.0, 4.0)
        """
        return self.alpha / (self.r**0.5 if self.use_rslora else self.r)

    @property
    def parameters(self) -> int:
        """How many numbers it holds."""
        low = sum(update.a.size + update.b.size for update in self.updates.values())
        return low + sum(weight.size for weight in self.whole.values())

    def with_whole(self, whole: Mapping[str, Array]) -> Adapter:
        """The same adapter with other whole weights."""
        return replace(self, whole=whole)

"""Where rows of several caches stand once they are put side by side, aligned on the right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Aligned(NamedTuple):
    """The columns that each cache keeps, the columns of all together, and where rows begin."""

    used: list[int]
    length: int
    starts: NDArray[np.int64]


def aligned(starts: Sequence[NDArray[np.int64]], filled: Sequence[int]) -> Aligned:
    """Align caches of `filled` columns, in which rows begin at `starts`.

    Columns that every row of a cache leaves empty go: rows before them have ended.

    >>> aligned([np.array([2, 3])], [9])
    Aligned(used=[7], length=7, starts=array([0, 1]))
    """
    used = [most - int(some.min()) for most, some in zip(filled, starts, strict=True)]
    length = max(used)
    shifted = [length - most + some for most, some in zip(filled, starts, strict=True)]
    return Aligned(used, length, np.concatenate(shifted))

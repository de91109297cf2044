"""Which columns of caches are tokens, once rows of several are put side by side.

A row's tokens stand in order, with empty columns before, between and behind them: rows are not
equally long, and guesses that were wrong leave gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Columns = NDArray[np.bool_]  # [rows, columns]


class Aligned(NamedTuple):
    """How many columns each cache keeps, its last, and the columns of all together."""

    used: list[int]
    columns: Columns


def aligned(caches: Sequence[Columns]) -> Aligned:
    """Align caches on the right.

    Columns that every row of a cache leaves empty before its first token go: rows there have ended.

    >>> aligned([np.array([[False, True]]), np.array([[True, False, True]])]).columns
    array([[False, False,  True],
           [ True, False,  True]])
    """
    used = [some.shape[1] - int(some.any(0).argmax()) for some in caches]
    length = max(used)
    parts = [
        np.pad(some[:, some.shape[1] - keep :], ((0, 0), (length - keep, 0)))
        for some, keep in zip(caches, used, strict=True)
    ]
    return Aligned(used, np.concatenate(parts))


def without_wrong(columns: Columns, read: Sequence[int], right: Sequence[int]) -> Columns:
    """Without the wrong ones of the `read` tokens of each row that were read last.

    Columns at the end that every row leaves empty go.

    >>> without_wrong(np.ones((1, 5), bool), [3], [1])
    array([[ True,  True,  True]])
    """
    kept = columns.copy()
    for row, wrong in enumerate(np.subtract(read, right)):
        kept[row, np.flatnonzero(kept[row])[kept[row].sum() - wrong :]] = False
    return kept[:, : np.flatnonzero(kept.any(0))[-1] + 1]


def appended(columns: Columns, read: Sequence[int]) -> Columns:
    """With columns for so many more tokens of each row, those of shorter rows empty behind."""
    return np.concatenate([columns, np.arange(max(read)) < np.array(read)[:, None]], 1)


def padded(rows: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """Rows of tokens as an array, shorter ones filled up behind.

    >>> padded([[5], [6, 7]])
    array([[5, 0],
           [6, 7]])
    """
    tokens = np.zeros((len(rows), max(map(len, rows))), np.int64)
    for index, row in enumerate(rows):
        tokens[index, : len(row)] = row
    return tokens

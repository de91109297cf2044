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


class Laid(NamedTuple):
    """Rows of tokens as a model takes them; `columns` are those of the whole cache."""

    tokens: NDArray[np.int64]
    positions: NDArray[np.int64]
    columns: Columns


def laid_out(rows: Sequence[Sequence[int]]) -> Laid:
    """Whole texts, padded in front.

    >>> laid_out([[5], [6, 7]]).tokens
    array([[0, 5],
           [6, 7]])
    """
    columns = aligned([np.ones((1, len(row)), np.bool_) for row in rows]).columns
    tokens = np.zeros(columns.shape, np.int64)
    tokens[columns] = np.concatenate(rows)
    return Laid(tokens, np.maximum(columns.cumsum(1) - 1, 0), columns)


def appended(columns: Columns, rows: Sequence[Sequence[int]]) -> Laid:
    """More tokens of texts that stand in these columns, padded behind.

    >>> appended(np.ones((2, 3), bool), [[5], [6, 7]]).tokens
    array([[5, 0],
           [6, 7]])
    """
    lengths = np.array([*map(len, rows)])
    new = np.arange(lengths.max()) < lengths[:, None]
    tokens = np.zeros(new.shape, np.int64)
    tokens[new] = np.concatenate(rows)
    positions = columns.sum(1)[:, None] + np.arange(lengths.max())
    return Laid(tokens, positions, np.concatenate([columns, new], 1))

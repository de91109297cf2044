"""Which columns a row leaves empty, seen from the rows above it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

MOST_EMPTY = 3  # empty columns that are told between two cells


class Cell(NamedTuple):
    """Words of a row that stand close together: where they start and end, and their text."""

    left: float
    right: float
    text: str


def empty_columns(rows: Sequence[Sequence[Cell]], apart: Sequence[bool]) -> list[list[int]]:
    """How many columns are empty before each cell of each row.

    Columns are what cells above each other cover. They go on below as long as rows follow closely
    and no cell lies across two of them; `apart` tells rows that do not follow closely.

    >>> heading = [Cell(0, 1, "Qty"), Cell(2, 6, "Item"), Cell(7, 9, "Off"), Cell(10, 12, "Net")]
    >>> line = [Cell(0, 1, "2"), Cell(2, 5, "Nail"), Cell(10, 12, "9.00")]
    >>> empty_columns([heading, line, [Cell(2, 4, "steel")]], [True, False, False])
    [[0, 0, 0, 0], [0, 0, 1], [1]]
    """
    columns: list[tuple[float, float]] = []
    found = []
    for cells, new in zip(rows, apart, strict=True):
        if new:
            columns = []
        counts, before = [], float("-inf")
        for cell in cells:
            between = sum(left >= before and right <= cell.left for left, right in columns)
            counts.append(min(between, MOST_EMPTY))
            before = cell.right
        found.append(counts)
        columns = _below(columns, cells)
    return found


def _below(
    columns: Sequence[tuple[float, float]], cells: Sequence[Cell]
) -> list[tuple[float, float]]:
    """The columns that go on below a row."""
    covered = [
        [one for one in columns if one[0] < cell.right and one[1] > cell.left] for cell in cells
    ]
    if any(len(some) > 1 for some in covered):
        return [(cell.left, cell.right) for cell in cells]
    times = Counter(one for some in covered for one in some)
    kept = [one for one in columns if not times[one]]
    for cell, some in zip(cells, covered, strict=True):
        sides = [(cell.left, cell.right), *(one for one in some if times[one] == 1)]
        kept.append((min(left for left, _ in sides), max(right for _, right in sides)))
    return sorted(kept)

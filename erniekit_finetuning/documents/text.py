"""The text a model reads: a line a printed row, tabs between columns, form feeds between pages.

A column that a row leaves empty has a tab of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from erniekit_finetuning.documents.columns import Cell, empty_columns
from erniekit_finetuning.documents.model import Box, Document, Page, Word
from erniekit_finetuning.documents.tilt import (
    column_gap,
    middle,
    runs,
    same_row,
    straightened,
    word_gap,
)
from erniekit_finetuning.documents.upright import lying_and_upright

_BLOCK = 3.0  # heights of a word from a row to the next; more ends columns
_INDENT = 3.0  # heights of a word from the left edge to a row that starts in a later column
# Thai to Khmer, Chinese, Japanese, Korean: no spaces stand between words, or particles cling.
UNSPACED = "\u0e00-\u0eff\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"


def document_text(document: Document) -> str:
    """All pages as text.

    >>> words = (Word("5.00", (0.8, 0.1, 0.9, 0.12)), Word("Total", (0.1, 0.1, 0.2, 0.12)))
    >>> document_text(Document((Page(100, 100, words),)))
    'Total\\t5.00'
    """
    return "\f".join("\n".join(row.text for row in printed_rows(page)) for page in document.pages)


class Row(NamedTuple):
    """The words of a printed row from left to right, and its text."""

    words: list[Word]
    text: str


def printed_rows(page: Page) -> list[Row]:
    """The rows of a page in reading order, with their texts."""
    straight, some = _straight_rows(page)
    gap = column_gap(page)
    cells = [[_cell(words, straight) for words in _parted(row, page, gap)] for row in some]
    lines = [straight(row[0]) for row in some]
    # A tenth may start left of the others: stray marks, stamps, print that runs up the margin.
    edge = sorted(row[0].left for row in cells)[len(cells) // 10] if cells else 0.0
    found = []
    for row, parts, empty in zip(some, cells, empty_columns(cells, _apart(lines)), strict=True):
        indented = (parts[0].left - edge) * page.width > _INDENT * _height(row[0], page)
        before = [max(empty[0], int(indented)), *(count + 1 for count in empty[1:])]
        text = "".join("\t" * tabs + part.text for tabs, part in zip(before, parts, strict=True))
        found.append(Row(row, text))
    return found


def _cell(words: Sequence[Word], straight: Callable[[Word], Box]) -> Cell:
    left, right = straight(words[0])[0], straight(words[-1])[2]
    return Cell(left, right, " ".join(word.text for word in words))


def _apart(lines: Sequence[Box]) -> list[bool]:
    """Which rows have more room above them than rows of one block have."""
    gaps = [True] * min(len(lines), 1)
    for above, below in pairwise(lines):
        height = max(above[3] - above[1], below[3] - below[1])
        gaps.append(middle(below) - middle(above) > _BLOCK * height)
    return gaps


def rows(page: Page) -> list[list[Word]]:
    """Words of a page in reading order: rows from top to bottom, each from left to right.

    Words that follow each other closely stay together; such a run joins the row above when they
    stand at one height once the page lies straight: neither two columns of unlike spacing nor a
    scan that lies askew mix up. Print that runs up or down the page is a row of its own, the last.
    """
    return _straight_rows(page)[1]


def _straight_rows(page: Page) -> tuple[Callable[[Word], Box], list[list[Word]]]:
    lying, upright = lying_and_upright(page)
    page = page._replace(words=tuple(lying))
    straight = straightened(page)
    found: list[list[Word]] = []
    for run in sorted(runs(page), key=lambda run: middle(straight(run[0]))):
        if found and same_row(straight(found[-1][0]), straight(run[0])):
            found[-1] += run
        else:
            found.append(run)
    rows_of_page = [sorted(row, key=lambda w: w.box[0]) for row in found]
    return straight, [*rows_of_page, upright] if upright else rows_of_page


def _parted(row: Sequence[Word], page: Page, gap: float) -> list[list[Word]]:
    """The row's words by column: parted where two stand further apart than `gap` heights."""
    parts = [[row[0]]]
    for left, right in pairwise(row):
        if word_gap(left, right, page) > gap:
            parts.append([])
        parts[-1].append(right)
    return parts


def _height(word: Word, page: Page) -> float:
    return (word.box[3] - word.box[1]) * page.height

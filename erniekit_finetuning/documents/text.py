"""The text a model reads: a line a printed row, tabs between columns, form feeds between pages.

A row whose first column is empty starts with a tab.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from erniekit_finetuning.documents.model import Document, Page, Word
from erniekit_finetuning.documents.tilt import COLUMN_GAP, middle, runs, same_row, straightened

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
    straight, some = straightened(page), rows(page)
    starts = [straight(row[0])[0] * page.width for row in some]
    # A tenth may start left of the others: stray marks, stamps, print that runs up the margin.
    edge = sorted(starts)[len(starts) // 10] if starts else 0.0
    found = []
    for row, start in zip(some, starts, strict=True):
        indented = start - edge > _INDENT * _height(row[0], page)
        found.append(Row(row, ("\t" if indented else "") + _row_text(row, page)))
    return found


def rows(page: Page) -> list[list[Word]]:
    """Words of a page in reading order: rows from top to bottom, each from left to right.

    Words that follow each other closely stay together; such a run joins the row above when they
    stand at one height once the page lies straight: neither two columns of unlike spacing nor a
    scan that lies askew mix up.
    """
    straight = straightened(page)
    found: list[list[Word]] = []
    for run in sorted(runs(page), key=lambda run: middle(straight(run[0]))):
        if found and same_row(straight(found[-1][0]), straight(run[0])):
            found[-1] += run
        else:
            found.append(run)
    return [sorted(row, key=lambda w: w.box[0]) for row in found]


def _row_text(row: Sequence[Word], page: Page) -> str:
    """One row: a space between words, a tab where the gap is wide.

    Wide for the smaller of its two neighbours: a row holds labels and values of unlike sizes, and
    its middle height would part the words of the larger ones.
    """
    text = row[0].text
    for left, right in pairwise(row):
        gap = (right.box[0] - left.box[2]) * page.width
        height = min(_height(left, page), _height(right, page))
        text += ("\t" if gap > COLUMN_GAP * height else " ") + right.text
    return text


def _height(word: Word, page: Page) -> float:
    return (word.box[3] - word.box[1]) * page.height

"""The text a model reads: a line a printed row, tabs between columns, form feeds between pages."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from erniekit_finetuning.documents.model import Document, Page, Word

COLUMN_GAP = 0.8  # a gap of this share of the row's height separates columns


def document_text(document: Document) -> str:
    """All pages as text.

    >>> words = (Word("5.00", (0.8, 0.1, 0.9, 0.12)), Word("Total", (0.1, 0.1, 0.2, 0.12)))
    >>> document_text(Document((Page(100, 100, words),)))
    'Total\\t5.00'
    """
    return "\f".join(
        "\n".join(row_text(row, page) for row in rows(page)) for page in document.pages
    )


def rows(page: Page) -> list[list[Word]]:
    """Words of a page in reading order: rows from top to bottom, each from left to right.

    A word joins a row when its middle lies within the row's height, so that small differences of
    the baseline (superscripts, OCR boxes) do not split a row.
    """
    found: list[list[Word]] = []
    extents: list[tuple[float, float]] = []
    for word in sorted(page.words, key=lambda w: (w.box[1] + w.box[3], w.box[0])):
        top, bottom = word.box[1], word.box[3]
        middle = (top + bottom) / 2
        if extents and extents[-1][0] <= middle <= extents[-1][1]:
            found[-1].append(word)
            continue
        found.append([word])
        extents.append((top, bottom))
    return [sorted(row, key=lambda w: w.box[0]) for row in found]


def row_text(row: Sequence[Word], page: Page) -> str:
    """One row: a space between words, a tab where the gap is wide."""
    height = median(w.box[3] - w.box[1] for w in row) * page.height
    text = ""
    for index, word in enumerate(row):
        if index:
            gap = (word.box[0] - row[index - 1].box[2]) * page.width
            text += "\t" if gap > COLUMN_GAP * height else " "
        text += word.text
    return text

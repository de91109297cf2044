"""The text a model reads: a line a printed row, tabs between columns, form feeds between pages."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from erniekit_finetuning.documents.model import Document, Page, Word

SAME_ROW = 0.35
COLUMN_GAP = 0.8  # a gap of this share of a word's height separates columns
# Thai to Khmer, Chinese, Japanese, Korean: no spaces stand between words, or particles cling.
UNSPACED = "\u0e00-\u0eff\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"


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

    Words that follow each other closely stay together; such a run joins the row above when their
    middles differ by less than SAME_ROW of the taller one's height: enough for superscripts and OCR
    boxes, too little for two columns of unlike spacing.
    """
    found: list[list[Word]] = []
    for run in sorted(_runs(page), key=lambda run: _middle(run[0])):
        if found and _same_row(found[-1][0], run[0]):
            found[-1] += run
        else:
            found.append(run)
    return [sorted(row, key=lambda w: w.box[0]) for row in found]


def _runs(page: Page) -> list[list[Word]]:
    """Neighbours in the document's own order that stand side by side in one row."""
    runs: list[list[Word]] = []
    for word in page.words:
        if runs and _same_row(runs[-1][-1], word) and _close(runs[-1][-1], word, page):
            runs[-1].append(word)
        else:
            runs.append([word])
    return runs


def _close(left: Word, right: Word, page: Page) -> bool:
    gap = (right.box[0] - left.box[2]) * page.width
    height = max(left.box[3] - left.box[1], right.box[3] - right.box[1]) * page.height
    return -height < gap < COLUMN_GAP * height


def _middle(word: Word) -> float:
    return (word.box[1] + word.box[3]) / 2


def _same_row(first: Word, word: Word) -> bool:
    height = max(first.box[3] - first.box[1], word.box[3] - word.box[1])
    return abs(_middle(word) - _middle(first)) < SAME_ROW * height


def row_text(row: Sequence[Word], page: Page) -> str:
    """One row: a space between words, a tab where the gap is wide.

    Wide for the smaller of its two neighbours: a row holds labels and values of unlike sizes, and
    its middle height would part the words of the larger ones.
    """
    text = row[0].text
    for left, right in pairwise(row):
        gap = (right.box[0] - left.box[2]) * page.width
        height = min(word.box[3] - word.box[1] for word in (left, right)) * page.height
        text += ("\t" if gap > COLUMN_GAP * height else " ") + right.text
    return text

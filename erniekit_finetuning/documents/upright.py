"""Print that runs up or down the margin: it stands in no row."""

from __future__ import annotations

from erniekit_finetuning.documents.model import Page, Word

_LONG = 4  # characters that tell by their box which way a word runs
_TALL = 1.35  # height by width of a word that runs up or down


def lying_and_upright(page: Page) -> tuple[list[Word], list[Word]]:
    """The words of rows, and those that run up or down; short ones go with a neighbour.

    >>> page = Page(100, 100, (Word("Form", (0, 0.2, 0.02, 0.4)), Word("7", (0, 0.1, 0.02, 0.15))))
    >>> [[word.text for word in words] for words in lying_and_upright(page)]
    [[], ['Form', '7']]
    """
    words = page.words
    tall = [_is_tall(word, page) for word in words]
    if not any(tall):
        return list(words), []
    lying: list[Word] = []
    upright: list[Word] = []
    before: Word | None = None  # where it runs up
    for word, is_tall in zip(words, tall, strict=True):
        runs_up = is_tall or (len(word.text) < _LONG and before is not None and _over(word, before))
        (upright if runs_up else lying).append(word)
        before = word if runs_up else None
    return lying, upright


def _is_tall(word: Word, page: Page) -> bool:
    left, top, right, bottom = word.box
    high, wide = (bottom - top) * page.height, (right - left) * page.width
    return len(word.text) >= _LONG and high > _TALL * wide


def _over(word: Word, other: Word) -> bool:
    """Whether a word stands above or below another."""
    return other.box[0] <= (word.box[0] + word.box[2]) / 2 <= other.box[2]

"""Where a printed value stands in a document."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from typing import NamedTuple

from erniekit_finetuning.documents.model import Box, Document, Page, Word, union
from erniekit_finetuning.documents.text import UNSPACED, Row, printed_rows
from erniekit_finetuning.documents.tilt import straightened
from erniekit_finetuning.documents.upright import lying_and_upright
from erniekit_finetuning.invoice.model import Invoice, Place
from erniekit_finetuning.invoice.walk import mapped

_UNSPACED = re.compile(f"[{UNSPACED}]")
_ONE_LINE = 1.8  # heights of a word; words of two lines are further apart


class Found(NamedTuple):
    """One place of a print: its words on a page (from 1), and where it stands in the text.

    `spans` are the characters [start, stop) of `document_text`, several where the print's words do
    not follow each other there.
    """

    page: int
    box: Box
    words: tuple[Word, ...]
    spans: tuple[tuple[int, int], ...]


class Locator:
    """Finds printed strings among the words of one document, ignoring white space.

    It looks along the rows as one sees them; where two columns with lines of different heights are
    mixed up in a row, along the words in the order in which the document has them.
    """

    def __init__(self, document: Document) -> None:
        self._rows: list[_Row] = []
        self._pages: list[_Row] = []
        start = 0  # of the row in the document's text
        for number, page in enumerate(document.pages, start=1):
            placed: list[_Placed] = []
            straight = straightened(page)
            for row in printed_rows(page):
                here = list(_placed(row, start))
                self._rows.append(_Row(number, page, here, straight))
                placed += here
                start += len(row.text) + 1
            start += not placed
            starts = {id(one.word): one for one in placed}
            along = [starts[id(word)] for word in page.words]
            self._pages.append(_Row(number, page, along, straight))

    def places(self, printed: str) -> tuple[Place, ...]:
        """Every place of `printed`, in reading order; () when it is not in the document.

        A value of several lines (an address) gives the places of its lines, and () when one of
        them is missing.
        """
        return tuple(Place(page=one.page, box=one.box) for one in self.found(printed))

    def found(self, printed: str) -> tuple[Found, ...]:
        """The same with words and text."""
        found: list[Found] = []
        for line in printed.split("\n"):
            wanted = "".join(line.split())
            if not wanted:
                continue
            here = _along(self._rows, wanted) or _along(self._pages, wanted)
            if not here:
                return ()
            found += here
        return tuple(found)


class _Placed(NamedTuple):
    """A word, and where it starts in the document's text."""

    word: Word
    start: int


def _placed(row: Row, start: int) -> Iterator[_Placed]:
    at = 0
    for word in row.words:
        at = row.text.index(word.text, at)
        yield _Placed(word, start + at)
        at += len(word.text)


def _along(rows: Iterable[_Row], wanted: str) -> list[Found]:
    return [found for row in rows for found in row.find(wanted)]


class _Row:
    def __init__(
        self, number: int, page: Page, words: Sequence[_Placed], straight: Callable[[Word], Box]
    ) -> None:
        self._number, self._page = number, page
        self._straight = straight
        self._words = words
        self._text = "".join(one.word.text for one in words)
        self._owner = [index for index, one in enumerate(words) for _ in one.word.text]
        self._starts = [one.start + offset for one in words for offset in range(len(one.word.text))]

    def find(self, wanted: str) -> Iterator[Found]:
        start = self._text.find(wanted)
        while start >= 0:
            end = start + len(wanted)
            if not self._inside_longer_token(start, end):
                placed = self._words[self._owner[start] : self._owner[end - 1] + 1]
                words = tuple(one.word for one in placed)
                if self._in_one_line(words):
                    whole = reduce(union, (w.box for w in words))
                    yield Found(self._number, whole, words, self._spans(start, end))
            start = self._text.find(wanted, start + 1)

    def _in_one_line(self, words: Sequence[Word]) -> bool:
        """Along the page, or all of them up or down it."""
        boxes = [self._straight(word) for word in words]
        whole = reduce(union, boxes)
        if len(words) > 1 and not lying_and_upright(self._page._replace(words=tuple(words)))[0]:
            return whole[2] - whole[0] < _ONE_LINE * max(box[2] - box[0] for box in boxes)
        return whole[3] - whole[1] < _ONE_LINE * max(box[3] - box[1] for box in boxes)

    def _spans(self, start: int, end: int) -> tuple[tuple[int, int], ...]:
        """Runs of characters of the text; one white space between words does not end a run."""
        spans: list[tuple[int, int]] = []
        for at in self._starts[start:end]:
            if spans and 0 <= at - spans[-1][1] <= 1:
                spans[-1] = (spans[-1][0], at + 1)
            else:
                spans.append((at, at + 1))
        return tuple(spans)

    def _inside_longer_token(self, start: int, end: int) -> bool:
        """True when the match is a part of a longer word or number: 2.50 in 12.50, 1 in 1,5."""
        return self._joined(start - 1, start, -1) or self._joined(end, end - 1, 1)

    def _joined(self, outer: int, inner: int, step: int) -> bool:
        if not 0 <= outer < len(self._text) or self._owner[outer] != self._owner[inner]:
            return False
        if self._text[outer].isalnum():
            return _same_kind(self._text[outer], self._text[inner])
        beyond = outer + step
        return (
            self._text[outer] in ".,'"
            and self._text[inner].isdecimal()
            and 0 <= beyond < len(self._text)
            and self._owner[beyond] == self._owner[inner]
            and self._text[beyond].isdecimal()
        )


def _same_kind(one: str, other: str) -> bool:
    """Two digits or two letters belong together; EUR12,50 is two tokens, 合計 is two as well."""
    if one.isdecimal() or other.isdecimal():  # a footnote's ² is no digit of 12²
        return one.isdecimal() and other.isdecimal()
    return one.isalpha() and other.isalpha() and not _UNSPACED.search(one + other)


def located(invoice: Invoice, document: Document) -> Invoice:
    """A copy of `invoice` whose printed values carry their places in `document`."""
    locator = Locator(document)
    return mapped(
        invoice,
        lambda _, value: value.model_copy(update={"places": locator.places(value.printed)}),
    )

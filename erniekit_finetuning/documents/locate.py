"""Where a printed value stands in a document."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

from erniekit_finetuning.documents.model import Box, Document, Word, union
from erniekit_finetuning.documents.text import rows
from erniekit_finetuning.invoice.model import Invoice, Place
from erniekit_finetuning.invoice.walk import mapped

_ONE_LINE = 1.8  # heights of a word; words of two lines are further apart


class Locator:
    """Finds printed strings among the words of one document, ignoring white space.

    It looks along the rows as one sees them; where two columns with lines of different heights are
    mixed up in a row, along the words in the order in which the document has them.
    """

    def __init__(self, document: Document) -> None:
        self._rows = [
            (number, _Row(row))
            for number, page in enumerate(document.pages, start=1)
            for row in rows(page)
        ]
        self._pages = [
            (number, _Row(list(page.words))) for number, page in enumerate(document.pages, start=1)
        ]

    def places(self, printed: str) -> tuple[Place, ...]:
        """Every place of `printed`, in reading order; () when it is not in the document.

        A value of several lines (an address) gives the places of its lines, and () when one of
        them is missing.
        """
        found: list[Place] = []
        for line in printed.split("\n"):
            wanted = "".join(line.split())
            if not wanted:
                continue
            here = self._along(self._rows, wanted) or self._along(self._pages, wanted)
            if not here:
                return ()
            found += here
        return tuple(found)

    def _along(self, rows: list[tuple[int, _Row]], wanted: str) -> list[Place]:
        return [Place(page=number, box=box) for number, row in rows for box in row.boxes(wanted)]


class _Row:
    def __init__(self, words: list[Word]) -> None:
        self._words = words
        self._text = "".join(w.text for w in words)
        self._owner = [index for index, w in enumerate(words) for _ in w.text]

    def boxes(self, wanted: str) -> Iterator[Box]:
        start = self._text.find(wanted)
        while start >= 0:
            end = start + len(wanted)
            if not self._inside_longer_token(start, end):
                words = self._words[self._owner[start] : self._owner[end - 1] + 1]
                whole = reduce(union, (w.box for w in words))
                tallest = max(w.box[3] - w.box[1] for w in words)
                if whole[3] - whole[1] < _ONE_LINE * tallest:
                    yield whole
            start = self._text.find(wanted, start + 1)

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
            and self._text[inner].isdigit()
            and 0 <= beyond < len(self._text)
            and self._owner[beyond] == self._owner[inner]
            and self._text[beyond].isdigit()
        )


def _same_kind(one: str, other: str) -> bool:
    """Two digits or two letters belong together; EUR12,50 is two tokens, 合計 is two as well."""
    if one.isdigit() or other.isdigit():
        return one.isdigit() and other.isdigit()
    return one.isalpha() and other.isalpha() and max(one, other) < "\u2e80"


def located(invoice: Invoice, document: Document) -> Invoice:
    """A copy of `invoice` whose printed values carry their places in `document`."""
    locator = Locator(document)
    return mapped(
        invoice,
        lambda _, value: value.model_copy(update={"places": locator.places(value.printed)}),
    )

"""Evidence of the values of one answer, gathered from its tokens, its document and the rules."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from functools import cached_property

from erniekit_finetuning.confidence.evidence import Evidence
from erniekit_finetuning.confidence.fields import answer_paths, kind_of
from erniekit_finetuning.confidence.kinds import Kind, read_kind
from erniekit_finetuning.confidence.spans import TokenScores, leaf_spans
from erniekit_finetuning.decoding.candidates import Candidates, candidates, shortest_number
from erniekit_finetuning.documents.locate import Found, Locator
from erniekit_finetuning.documents.model import Document
from erniekit_finetuning.documents.text import document_text
from erniekit_finetuning.engines.protocol import TokenScore
from erniekit_finetuning.invoice.closing import closed
from erniekit_finetuning.invoice.model import bounded
from erniekit_finetuning.invoice.rules import BY_ID, Finding, Status

_LINES = "lines"  # a rule on sums names the whole list: it speaks of the net amounts


class Witness:
    """Knows one answer: its text, its tokens, the document's words and what the rules found."""

    def __init__(
        self,
        text: str,
        tokens: Sequence[TokenScore],
        document: Document | None = None,
        findings: Iterable[Finding] = (),
    ) -> None:
        """`document`: None where the words are not known; `findings` are on the answer's invoice.

        The text is valid JSON, or the start of one: of an answer that was cut off what is whole
        counts.
        """
        self._text = closed(text).text
        self._spans = leaf_spans(self._text)
        self._scores = TokenScores(tokens)
        self._document = document
        self._passed, self._failed = _named(findings)

    def is_null(self, path: str) -> bool | None:
        """Whether the answer says null at a path; None where it says nothing."""
        span = self._spans.get(path)
        return None if span is None else self._text[slice(*span)] == "null"

    def probability(self, path: str) -> float | None:
        """The model's probability of what stands at a path of the answer; None without one."""
        span = self._spans.get(path)
        return None if span is None else self._scores.probability(*span)

    def of_field(self, field: str) -> Evidence | None:
        """Evidence of a field of the invoice that an answer of our shape says, or leaves null."""
        path = self.path_of(field)
        if path is None:
            return None
        summed = field.startswith("lines[") and field.endswith(".net_amount")
        names = {field, _LINES} if summed else {field}
        passed, failed = bool(names & self._passed), bool(names & self._failed)
        return self._at(path, kind_of(field), "[" in field, passed, failed)

    def of_path(self, path: str) -> Evidence | None:
        """Evidence of a leaf of any answer, by what it looks like; no rule speaks of it."""
        if path not in self._spans:
            return None
        return self._at(path, _seems(self._text[slice(*self._spans[path])]), "[" in path)

    def path_of(self, field: str) -> str | None:
        """Where the answer says a field of the invoice, else where it says null, else None."""
        paths = [path for path in answer_paths(field) if path in self._spans]
        return next((path for path in paths if not self.is_null(path)), paths[0] if paths else None)

    def _at(
        self, path: str, kind: Kind, item: bool, passed: bool = False, failed: bool = False
    ) -> Evidence:
        start, stop = self._spans[path]
        said = self._text[start:stop]
        null = said == "null"
        value = str(json.loads(said)) if said.startswith('"') else said
        places = None if null else self._places(value, kind, not said.startswith('"'))
        scores = self._scores.within(start, stop)
        return Evidence(
            logprob=sum(one.logprob for one in scores),
            allowed=sum(one.allowed for one in scores),
            kind=kind,
            item=item,
            null=null,
            length=len(value),
            passed=passed,
            failed=failed,
            places=None if places is None else len(places),
            ocr=max((_score(place) for place in places), default=None) if places else None,
        )

    def _places(self, value: str, kind: Kind, number: bool) -> list[Found] | None:
        """Places of the print; of a normalised date or number those of the prints it may mean."""
        if self._document is None:
            return None
        found = self._locator.found(value)
        if not found and kind is Kind.DATE:
            prints = self._meanings.days.get(f'"{value}"', ())
        elif not found and kind is Kind.AMOUNT and number:
            prints = self._meanings.numbers.get(_plain_number(value), ())
        else:
            return list(found)
        return list(dict.fromkeys(one for said in prints for one in self._locator.found(said)))

    @cached_property
    def _locator(self) -> Locator:
        assert self._document is not None
        return Locator(self._document)

    @cached_property
    def _meanings(self) -> Candidates:
        assert self._document is not None
        return candidates(document_text(self._document))


def _seems(said: str) -> Kind:
    """The kind of a leaf's JSON text."""
    if said.startswith('"'):
        return read_kind(json.loads(said))[0]
    return Kind.TEXT if said in ("null", "true", "false") else Kind.AMOUNT


def _plain_number(text: str) -> str:
    """A JSON number as `Candidates` has it; as it is where no document prints such a number."""
    try:
        number = Decimal(text)
    except InvalidOperation:  # true, false
        return text
    return shortest_number(number) if bounded(number) else text


def _score(place: Found) -> float:
    return min(word.score for word in place.words)


def _named(findings: Iterable[Finding]) -> tuple[set[str], set[str]]:
    """Fields that a passing rule names, and fields that a failing one does."""
    passed: set[str] = set()
    failed: set[str] = set()
    for finding in findings:
        names = failed if finding.status is Status.FAIL else passed
        if finding.status in (Status.PASS, Status.FAIL):
            sums = BY_ID[finding.rule].arithmetic
            names |= {field for field in finding.fields if sums or field != _LINES}
    return passed, failed

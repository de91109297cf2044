"""Scores of an evaluation, made of its documents' matches alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict, computed_field

from erniekit_finetuning.evaluation.judging import DocumentResult
from erniekit_finetuning.evaluation.matching import LINES, Match, Verdict

_LINE_NEEDS = ("description", "quantity", "unit_price", "net_amount")


class _Counts(BaseModel):
    # Computed rates stand in the file for its readers and are not read back.
    model_config = ConfigDict(frozen=True, extra="ignore")


class FieldCounts(_Counts):
    """Verdicts on one field, or on all."""

    correct: int = 0
    wrong: int = 0
    missing: int = 0
    invented: int = 0
    absent: int = 0

    @computed_field  # type: ignore[prop-decorator]
    @property
    def accuracy(self) -> float | None:
        """Correct over everything that the truth or the prediction has; None when neither has."""
        return _share(self.correct, self.correct + self.wrong + self.missing + self.invented)


class LineCounts(_Counts):
    """Lines wholly right, lines in the truth, lines predicted."""

    right: int = 0
    expected: int = 0
    found: int = 0

    @computed_field  # type: ignore[prop-decorator]
    @property
    def precision(self) -> float | None:
        """Right lines of the predicted ones."""
        return _share(self.right, self.found)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def recall(self) -> float | None:
        """Right lines of the truth's."""
        return _share(self.right, self.expected)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall: 2 x right over expected plus found."""
        return _share(2 * self.right, self.expected + self.found)


class OwnVerdict(_Counts):
    """The model's own is_valid against the rules' verdict on its own reading."""

    valid_and_said_so: int = 0
    invalid_and_said_so: int = 0
    called_valid_wrongly: int = 0
    called_invalid_wrongly: int = 0

    @computed_field  # type: ignore[prop-decorator]
    @property
    def agreement(self) -> float | None:
        """Share of answers whose is_valid agrees with the rules."""
        agreed = self.valid_and_said_so + self.invalid_and_said_so
        return _share(agreed, agreed + self.called_valid_wrongly + self.called_invalid_wrongly)


class Scores(_Counts):
    """Counts over all documents; `*_rate` and `accuracy` are shares from 0 to 1.

    `not_asked`: documents that do not fit the model. `verifiable`: documents whose truth passes the
    arithmetic, the most that `arithmetic_verified` can honestly reach.
    """

    documents: int
    not_asked: int
    truncated: int
    valid: int
    fields: FieldCounts
    by_field: dict[str, FieldCounts]
    lines: LineCounts
    whole_documents: int
    arithmetic_verified: int
    verifiable: int
    rules_applied: int
    rules_passed: int
    own_verdict: OwnVerdict | None
    new_tokens: int
    seconds: float

    @computed_field  # type: ignore[prop-decorator]
    @property
    def validity_rate(self) -> float | None:
        """Answers that are valid JSON of the answer's shape."""
        return _share(self.valid, self.documents)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def whole_document_rate(self) -> float | None:
        """Documents without one wrong, missing or invented field."""
        return _share(self.whole_documents, self.documents)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def arithmetic_rate(self) -> float | None:
        """Documents whose extracted numbers pass the arithmetic rules."""
        return _share(self.arithmetic_verified, self.documents)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def verifiable_rate(self) -> float | None:
        """Documents whose true numbers pass the arithmetic rules."""
        return _share(self.verifiable, self.documents)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def rule_compliance(self) -> float | None:
        """Applicable rule findings on the predictions that pass."""
        return _share(self.rules_passed, self.rules_applied)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def tokens_a_document(self) -> float | None:
        """New tokens over the documents that were asked."""
        return _share(self.new_tokens, self.documents - self.not_asked)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def seconds_a_document(self) -> float | None:
        """Wall seconds over the documents that were asked."""
        return _share(self.seconds, self.documents - self.not_asked)


def score(documents: Sequence[DocumentResult]) -> Scores:
    """All scores of these documents; any subset of an evaluation's documents may be given."""
    verdicts: Counter[tuple[str, Verdict]] = Counter()
    for document in documents:
        verdicts.update((match.field, match.verdict) for match in document.matches)
    by_field: dict[str, dict[str, int]] = defaultdict(dict)
    for (field, verdict), count in verdicts.items():
        by_field[field][verdict.value] = count
    totals = [sum(counts.get(v.value, 0) for counts in by_field.values()) for v in Verdict]
    lines = [_lines(document.matches) for document in documents]
    return Scores(
        documents=len(documents),
        not_asked=sum(not d.asked for d in documents),
        truncated=sum(d.asked and not d.finished for d in documents),
        valid=sum(d.problem is None for d in documents),
        fields=FieldCounts(**{v.value: n for v, n in zip(Verdict, totals, strict=True)}),
        by_field={field: FieldCounts(**counts) for field, counts in by_field.items()},
        lines=LineCounts(
            right=sum(counts.right for counts in lines),
            expected=sum(counts.expected for counts in lines),
            found=sum(counts.found for counts in lines),
        ),
        whole_documents=sum(d.problem is None and d.errors == 0 for d in documents),
        arithmetic_verified=sum(d.arithmetic_verified for d in documents),
        verifiable=sum(d.verifiable for d in documents),
        rules_applied=sum(d.rules_applied for d in documents),
        rules_passed=sum(d.rules_passed for d in documents),
        own_verdict=_own_verdict(documents),
        new_tokens=sum(d.new_tokens for d in documents),
        seconds=round(sum(d.seconds for d in documents), 3),
    )


def _lines(matches: Iterable[Match]) -> LineCounts:
    """A line is right when description, quantity, price and net are, where the truth has them."""
    expected: dict[int, bool] = {}
    found: set[int] = set()
    for match in matches:
        if match.found_line is not None:
            found.add(match.found_line)
        if match.line is None:
            continue
        needed = match.field.removeprefix(LINES) in _LINE_NEEDS
        bad = match.found_line is None or (
            needed and match.verdict in (Verdict.WRONG, Verdict.MISSING)
        )
        expected[match.line] = expected.get(match.line, True) and not bad
    return LineCounts(right=sum(expected.values()), expected=len(expected), found=len(found))


def _own_verdict(documents: Iterable[DocumentResult]) -> OwnVerdict | None:
    counts = Counter(
        (d.said_valid, d.rules_valid)
        for d in documents
        if d.said_valid is not None and d.rules_valid is not None
    )
    if not counts:
        return None
    return OwnVerdict(
        valid_and_said_so=counts[True, True],
        invalid_and_said_so=counts[False, False],
        called_valid_wrongly=counts[True, False],
        called_invalid_wrongly=counts[False, True],
    )


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 6) if whole else None

"""One model against another on the same documents: every score, field and sort of documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.evaluation.comparison import (
    MIN_DOCUMENTS,
    Difference,
    Outcome,
    Paired,
    corrected,
    mcnemar,
)
from erniekit_finetuning.evaluation.counting import Table
from erniekit_finetuning.evaluation.measures import MEASURES, PRIMARY, of_field
from erniekit_finetuning.evaluation.result import Evaluation
from erniekit_finetuning.evaluation.scores import field_scores, slices

_ERRORS = ("wrong", "missing", "invented")


@dataclass(frozen=True)
class Disagreement:
    """Documents that only one model has right as a whole, and McNemar's exact p value."""

    only_first: int
    only_second: int
    p_value: float


@dataclass(frozen=True)
class Versus:
    """`scores` by key; `fields` and `slices` (by tag and value) with Holm's correction.

    `headline` is the field accuracy, on which the verdict stands.
    """

    headline: Difference
    whole: Disagreement
    scores: dict[str, Difference]
    fields: list[Difference]
    slices: dict[tuple[str, str], Difference]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; differences in the score's own unit (shares: 0 to 1)."""
        return {
            "verdict": self.headline.outcome.value,
            "headline": _plain(self.headline),
            "whole_documents": vars(self.whole),
            "scores": {key: _plain(one) for key, one in self.scores.items()},
            "fields": {one.measure.key: _plain(one) for one in self.fields},
            "slices": {f"{tag}={v}": _plain(one) for (tag, v), one in self.slices.items()},
        }


def versus(first: Evaluation, second: Evaluation) -> Versus:
    """Compare two evaluations; raises UnusableInput when they are of different documents."""
    if first.evaluated.data_sha256 != second.evaluated.data_sha256:
        cure = "evaluate both on the same file: names of documents may repeat in another"
        files = f"{first.evaluated.data_file} and {second.evaluated.data_file}"
        raise UnusableInput(Problem("the test data are not the same", found=files, cure=cure))
    one, other = first.table, second.table
    paired = Paired(one, other)
    scores = {measure.key: paired.difference(measure) for measure in MEASURES}
    return Versus(
        scores[PRIMARY.key],
        _disagreement(_whole(one), _whole(other)),
        {
            key: one
            for key, one in scores.items()
            if one.first is not None or one.second is not None
        },
        _fields(one, other, paired),
        _slices(one, other),
    )


def _fields(first: Table, second: Table, paired: Paired) -> list[Difference]:
    """By field; its p value is McNemar's, of documents in which the field has no error.

    Where the two never disagree on a document there is no test.
    """
    names = dict.fromkeys(name for table in (first, second) for name in field_scores(table.total()))
    rows = []
    for name in names:
        row = paired.difference(of_field(name))
        if row.interval is not None:
            test = _disagreement(_right(first, name), _right(second, name))
            disagree = test.only_first + test.only_second > 0
            row = row._replace(p_value=test.p_value if disagree else None)
        rows.append(row)
    return corrected(rows)


def _slices(first: Table, second: Table) -> dict[tuple[str, str], Difference]:
    sorts = {
        (tag, value): rows
        for tag, by_value in slices(second).items()
        for value, rows in by_value.items()
    }
    found = [Paired(first, second, rows).difference() for rows in sorts.values()]
    return dict(zip(sorts, corrected(found), strict=True))


def _whole(table: Table) -> NDArray[np.bool_]:
    return table.column("whole") > 0


def _right(table: Table, field: str) -> NDArray[np.bool_]:
    return sum(table.column(what, field) for what in _ERRORS) == 0  # type: ignore[return-value]


def _disagreement(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Disagreement:
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    return Disagreement(only_first, only_second, mcnemar(only_first, only_second))


def verdict(one: Versus, first: str, second: str) -> str:
    """The comparison in plain words: what is shown, on how many documents, what would show more."""
    head = one.headline
    count = f"{head.documents:,} document{'s' if head.documents != 1 else ''}"
    if head.difference is None:
        return f"Nothing to compare on {count}: no field is counted."
    points = f"field accuracy {100 * head.difference:+.1f} points"
    if head.interval is None:
        return (
            f"No difference shown between {second} and {first} on {count}: {points}; an interval "
            f"needs {MIN_DOCUMENTS} documents or more."
        )
    low, high = (100 * edge for edge in head.interval)
    points += f", 95 % interval {low:+.1f} to {high:+.1f}"
    if head.outcome is not Outcome.NO_DIFFERENCE:
        return f"{second} is {head.outcome} than {first} on {count}: {points}."
    text = f"No difference shown between {second} and {first} on {count}: {points}."
    if head.needed is not None and head.detectable:
        text += (
            f" If it is what it seems to be, about {_rounded(head.needed)} documents would show it;"
            f" these show differences of {100 * head.detectable:.1f} points or more."
        )
    return text


def whole_sentence(one: Versus, first: str, second: str) -> str:
    """McNemar's test on whole documents, in words; "" where the two never disagree."""
    test = one.whole
    if test.only_first == test.only_second == 0:
        return ""
    return (
        f"Whole documents: only {second} has {test.only_second:,} right, only {first} "
        f"{test.only_first:,} (McNemar's exact test, p = {test.p_value:.3g})."
    )


def _rounded(number: int) -> str:
    """Two figures: more would say more than is known."""
    step = 10 ** max(0, len(str(number)) - 2)
    return f"{-(-number // step) * step:,}"


def _plain(one: Difference) -> dict[str, Any]:
    found = one._asdict() | {"difference": one.difference, "outcome": one.outcome.value}
    return {name: _number(value) for name, value in found.items() if name != "measure"}


def _number(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    return [round(edge, 6) for edge in value] if isinstance(value, tuple) else value

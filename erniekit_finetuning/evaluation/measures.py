"""The scores: each a function of counts, so that any set of documents has them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.evaluation.counting import BINS, KINDS, Counts
from erniekit_finetuning.evaluation.field_metrics import FieldMetrics
from erniekit_finetuning.evaluation.matching import Verdict
from erniekit_finetuning.evaluation.values import Kind

Array = NDArray[np.float64]


class Form(Enum):
    """How a score is written. `SHARE` is 0 to 1, written in percent."""

    SHARE = "share"
    NUMBER = "number"
    SECONDS = "seconds"
    MONEY = "money"


@dataclass(frozen=True)
class Measure:
    """One score. `of` gives NaN where there is nothing to count.

    `better`: 1 where more is better, -1 where less is, 0 where it only informs. `about` says what
    it is, for readers of a report.
    """

    key: str
    title: str
    about: str
    of: Callable[[Counts], Array]
    better: int = 1
    form: Form = Form.SHARE


def share(part: Array, whole: Array) -> Array:
    """part / whole; NaN where the whole is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)


def accuracy(counts: Counts, subject: str = "") -> Array:
    """Correct over everything that the truth or the answer has, of a field or of all."""
    return share(counts.of("correct", subject), judged(counts, subject))


def judged(counts: Counts, subject: str = "") -> Array:
    """Everything that the truth or the answer has, of a field or of all."""
    every: Array = np.sum([counts.of(verdict.value, subject) for verdict in Verdict], axis=0)
    return every


def _rate(part: str, whole: str) -> Callable[[Counts], Array]:
    return lambda counts: share(counts.of(part), counts.of(whole))


def _kind(kind: Kind) -> Callable[[Counts], Array]:
    return lambda counts: accuracy(counts, KINDS[kind])


def _exact(counts: Counts) -> Array:
    return share(counts.of("exact"), judged(counts))


def _text_similarity(counts: Counts) -> Array:
    return share(counts.of("text_similarity"), judged(counts, KINDS[Kind.TEXT]))


def _invented(counts: Counts) -> Array:
    said = counts.of("correct") + counts.of("wrong") + counts.of("invented")
    return share(counts.of("invented"), said)


def _f1(counts: Counts) -> Array:
    both = counts.of("items_expected") + counts.of("items_found")
    return share(2 * counts.of("items_right"), both)


def above_chance(counts: Counts, name: str) -> Array:
    """Youden's J (1950) of calling a document not valid: sensitivity + specificity - 1.

    0 for who says always the same, 1 for who is always right, below 0 for who is wrong more often
    than chance. NaN where documents of only one sort were judged.
    """
    hit, missed = counts.of(f"{name}_00"), counts.of(f"{name}_10")
    right, alarm = counts.of(f"{name}_11"), counts.of(f"{name}_01")
    return share(hit, hit + missed) + share(right, right + alarm) - 1


def _calibration_error(counts: Counts) -> Array:
    """Expected calibration error (Naeini et al. 2015) over ten bins of equal width."""
    bins = [f"bin {number}" for number in range(BINS)]
    apart = [np.abs(counts.of("right", one) - counts.of("confidence", one)) for one in bins]
    return share(np.sum(apart, axis=0), np.sum([counts.of("said", one) for one in bins], axis=0))


def _donut_f1(counts: Counts) -> Array:
    right = counts.of("donut_right")
    return share(right, right + counts.of("donut_wrong") / 2)


def _entity_f1(counts: Counts) -> Array:
    both = counts.of("entities_expected") + counts.of("entities_found")
    return share(2 * counts.of("entities_right"), both)


PRIMARY = Measure(
    "field_accuracy",
    "Field accuracy",
    "Correct fields over all fields that the truth or the answer has: a value that is wrong, "
    "missing or invented counts against it. Amounts and dates are right when their values are; "
    "texts without regard to case, width and white space.",
    accuracy,
)
WHOLE = Measure(
    "whole_document_rate",
    "Whole documents right",
    "Documents without one wrong, missing or invented field.",
    _rate("whole", "documents"),
)
LINE_F1 = Measure(
    "line_f1",
    "Line items, F1",
    "Lines are paired with the truth's so that they are most alike. A line is right when its "
    "description is, and its quantity, unit price and net amount where the document has them. "
    "Harmonic mean of precision and recall.",
    _f1,
)
ARITHMETIC = Measure(
    "arithmetic_rate",
    "Arithmetic verified",
    "Invoices whose extracted numbers add up.",
    _rate("verified", "invoices"),
)
FIELD_METRICS: tuple[Measure, ...] = (
    Measure(
        "anls_star",
        "ANLS*",
        "Peer et al. 2024: normalised Levenshtein similarity of JSON trees.",
        _rate("anls_star", "measured"),
    ),
    Measure(
        "donut_f1",
        "Donut field F1",
        "Kim et al. 2022: (path, value) pairs that agree exactly, over all documents.",
        _donut_f1,
    ),
    Measure(
        "donut_tree",
        "Donut tree-edit accuracy",
        "Kim et al. 2022: 1 - tree edit distance over the truth's size.",
        _rate("donut_tree", "measured"),
    ),
    Measure(
        "sroie_f1",
        "SROIE entity F1",
        "ICDAR 2019: company, date, address and total that agree exactly.",
        _entity_f1,
    ),
    Measure(
        "sroie_precision",
        "SROIE precision",
        "Right entities of those extracted.",
        _rate("entities_right", "entities_found"),
    ),
    Measure(
        "sroie_recall",
        "SROIE recall",
        "Right entities of the truth's.",
        _rate("entities_right", "entities_expected"),
    ),
    Measure(
        "json_accuracy",
        "JSON accuracy",
        "getomni's OCR benchmark: 1 - (added, deleted and changed leaves) over the truth's leaves.",
        _rate("json_accuracy", "measured"),
    ),
)
MEASURES: tuple[Measure, ...] = (
    PRIMARY,
    WHOLE,
    LINE_F1,
    Measure(
        "line_precision",
        "Line items, precision",
        "Right lines of the predicted ones.",
        _rate("items_right", "items_found"),
    ),
    Measure(
        "line_recall",
        "Line items, recall",
        "Right lines of the truth's.",
        _rate("items_right", "items_expected"),
    ),
    Measure(
        "line_order",
        "Line items in order",
        "Paired lines that stand in the truth's order, the fewest left out that break it.",
        _rate("items_in_order", "items_paired"),
    ),
    Measure("amounts", "Amounts exact", "Field accuracy of amounts alone.", _kind(Kind.AMOUNT)),
    Measure("dates", "Dates exact", "Field accuracy of dates alone.", _kind(Kind.DATE)),
    Measure("texts", "Texts right", "Field accuracy of texts alone.", _kind(Kind.TEXT)),
    Measure(
        "text_similarity",
        "Text similarity",
        "Mean likeness of texts, 1 for a right one, 0 for one that is missing or invented. "
        "Amounts and dates have no part in it.",
        _text_similarity,
    ),
    Measure(
        "print_exact",
        "Prints exact",
        "Fields whose answer is the truth's print, letter by letter.",
        _exact,
    ),
    Measure(
        "invented_rate",
        "Invented values",
        "Values said of fields that the document does not have, over all values said.",
        _invented,
        better=-1,
    ),
    Measure(
        "json_rate",
        "Valid JSON",
        "Answers that are one JSON object and nothing else; one that is cut off, or that a repair "
        "would make valid, is not.",
        _rate("json_valid", "documents"),
    ),
    Measure(
        "shape_rate",
        "Valid shape",
        "Answers with the keys and types that were asked for.",
        _rate("shape_valid", "documents"),
    ),
    ARITHMETIC,
    Measure(
        "rule_compliance",
        "Rules passed",
        "Findings of rules on the extracted invoices that pass, of those that apply.",
        _rate("rules_passed", "rules_applied"),
    ),
    Measure(
        "own_verdict",
        "Own is_valid, above chance",
        "The model's is_valid against the rules on its own reading: share of not valid ones that "
        "it says so, plus share of valid ones, minus one. Always saying the same gives 0.",
        lambda counts: above_chance(counts, "own"),
    ),
    Measure(
        "faults_found",
        "Faulty invoices found by rules",
        "Invoices that break a rule and whose reading breaks one, too.",
        lambda counts: share(
            counts.of("truth_rules_00"), counts.of("truth_rules_00") + counts.of("truth_rules_10")
        ),
    ),
    Measure(
        "false_alarms",
        "Sound invoices that rules flag",
        "Invoices that keep the rules but whose reading breaks one.",
        lambda counts: share(
            counts.of("truth_rules_01"), counts.of("truth_rules_01") + counts.of("truth_rules_11")
        ),
        better=-1,
    ),
    Measure(
        "fault_verdict",
        "Own is_valid against the truth",
        "As above, with the document's own verdict in the place of the reading's.",
        lambda counts: above_chance(counts, "truth_said"),
    ),
    Measure(
        "calibration_error",
        "Calibration error",
        "How far the model's probability of a value is from its share of right values, in ten "
        "bins, weighted by their size.",
        _calibration_error,
        better=-1,
    ),
    *FIELD_METRICS,
    Measure(
        "tokens",
        "Tokens a document",
        "New tokens over the documents that were asked.",
        _rate("new_tokens", "asked"),
        0,
        Form.NUMBER,
    ),
    Measure(
        "seconds",
        "Seconds a document",
        "Wall time of the run over the documents that were asked.",
        _rate("seconds", "asked"),
        -1,
        Form.SECONDS,
    ),
    Measure(
        "cost",
        "Cost of 1,000 documents",
        "What the service takes, in its currency.",
        lambda counts: 1000 * share(counts.of("cost"), counts.of("priced")),
        -1,
        Form.MONEY,
    ),
)
BY_KEY = {measure.key: measure for measure in MEASURES}


def of_field(field: str) -> Measure:
    """The accuracy of one field."""
    return Measure(field, field, "", lambda counts: accuracy(counts, field))


def values(counts: Counts, measures: Sequence[Measure] = MEASURES) -> dict[str, float | None]:
    """Every score of a set of documents, to six digits; None where nothing is to be counted."""
    found = {measure.key: float(measure.of(counts)) for measure in measures}
    return {key: None if np.isnan(value) else round(value, 6) for key, value in found.items()}


def summarize(rows: Iterable[FieldMetrics]) -> dict[str, float | None]:
    """The field's metrics of documents that were measured one by one (`field_metrics.measure`).

    >>> scores = summarize([FieldMetrics(0.5, 3, 2, 0.75, 1, 2, 1, 0.25)])
    >>> scores["donut_f1"], scores["sroie_f1"]  # 3 / (3 + 2/2), 2 x 1 / (2 + 1)
    (0.75, 0.666667)
    """
    measured = list(rows)
    names = (*FieldMetrics._fields, "measured")
    keys = {("", name): column for column, name in enumerate(names)}
    sums = np.array([(*row, 1) for row in measured], float).reshape(-1, len(names)).sum(0)
    return values(Counts(keys, sums), FIELD_METRICS)

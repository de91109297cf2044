"""What a score is, and what it is computed by: functions of counts, over many sets at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.confidence.calibration_error import Steps, expected_error
from erniekit_finetuning.confidence.kinds import Kind
from erniekit_finetuning.evaluation.counting import CONFIDENCE, KINDS, Counts
from erniekit_finetuning.evaluation.matching import Verdict

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


def rate(part: str, whole: str) -> Callable[[Counts], Array]:
    """One count over another."""
    return lambda counts: share(counts.of(part), counts.of(whole))


def kind_accuracy(kind: Kind) -> Callable[[Counts], Array]:
    """Accuracy of the fields of one kind."""
    return lambda counts: accuracy(counts, KINDS[kind])


def print_exact(counts: Counts) -> Array:
    """Fields whose print is the truth's, letter by letter."""
    return share(counts.of("exact"), judged(counts))


def text_similarity(counts: Counts) -> Array:
    """Mean likeness of texts; 0 where one is missing or invented."""
    return share(counts.of("text_similarity"), judged(counts, KINDS[Kind.TEXT]))


def invented_rate(counts: Counts) -> Array:
    """Values of fields that the document does not have, over all values said."""
    said = counts.of("correct") + counts.of("wrong") + counts.of("invented")
    return share(counts.of("invented"), said)


def item_f1(counts: Counts) -> Array:
    """2 x right items over items expected plus found."""
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


def by_confidence(counts: Counts) -> Steps:
    """Values by how sure the answer was of them."""
    said, right, confidence = (
        np.stack([counts.of(what, step) for step in CONFIDENCE], -1)
        for what in ("said", "right", "confidence")
    )
    return Steps(said, right, confidence)


def calibration_error(counts: Counts) -> Array:
    """Expected calibration error; see `confidence.calibration_error`."""
    return expected_error(by_confidence(counts))


def donut_f1(counts: Counts) -> Array:
    """Kim et al. 2022: right over right plus half of what is wrong."""
    right = counts.of("donut_right")
    return share(right, right + counts.of("donut_wrong") / 2)


def entity_f1(counts: Counts) -> Array:
    """ICDAR 2019: 2 x right entities over entities expected plus found."""
    both = counts.of("entities_expected") + counts.of("entities_found")
    return share(2 * counts.of("entities_right"), both)


def faults_found(counts: Counts) -> Array:
    """Invoices that break a rule and whose reading breaks one, of those that break one."""
    found, hidden = counts.of("truth_rules_00"), counts.of("truth_rules_10")
    return share(found, found + hidden)


def false_alarms(counts: Counts) -> Array:
    """Invoices that keep the rules and whose reading breaks one, of those that keep them."""
    alarm, right = counts.of("truth_rules_01"), counts.of("truth_rules_11")
    return share(alarm, alarm + right)

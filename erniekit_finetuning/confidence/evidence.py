"""What speaks for and against a value of an answer, as numbers that a calibration weighs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.confidence.kinds import Kind

_ODDS = 10.0  # bound of log odds and log probabilities: beyond it they tell no more


@dataclass(frozen=True)
class Evidence:
    """One value that an answer says, or its claim that the document prints none (`null`).

    `logprob` is the log probability of its characters, the sum over its tokens; `allowed` the sum
    of the logs of what the grammar left of the model's probability (see `TokenScore`). `item`: it
    stands in a list. `length` counts its characters. `passed` and `failed`: a rule that names the
    field says so. `places` is how many places the document prints it at, and `ocr` the lowest
    recognition score of the words there (of the best of its places; 1 for a text layer); None where
    there are no words.
    """

    logprob: float
    allowed: float
    kind: Kind
    item: bool
    null: bool
    length: int
    passed: bool
    failed: bool
    places: int | None
    ocr: float | None

    @property
    def raw(self) -> float:
        """The model's own probability of the characters, before any calibration."""
        return math.exp(min(0.0, self.logprob))


def _log_odds(one: Evidence) -> float:
    """Log odds of the raw probability: with this feature alone the fit is Platt's (1999)."""
    if one.logprob > -1e-9:
        return _ODDS
    return max(-_ODDS, min(_ODDS, one.logprob - math.log(-math.expm1(one.logprob))))


def _bounded(log: float) -> float:
    return max(-_ODDS, min(0.0, log))


_FEATURES: dict[str, Callable[[Evidence], float]] = {
    "log_odds": _log_odds,
    "allowed": lambda one: _bounded(one.allowed),
    "rule_passed": lambda one: one.passed and not one.failed,
    "rule_failed": lambda one: one.failed,
    "unique": lambda one: one.places == 1,
    "nowhere": lambda one: one.places == 0 and not one.null,
    "ocr_score": lambda one: 1.0 if one.ocr is None else one.ocr,
    "null": lambda one: one.null,
    "null_log_odds": lambda one: _log_odds(one) if one.null else 0.0,
    "length": lambda one: 0.0 if one.null else math.log1p(one.length),
    "amount": lambda one: one.kind is Kind.AMOUNT,
    "date": lambda one: one.kind is Kind.DATE,
    "item": lambda one: one.item,
}
FEATURES = tuple(_FEATURES)


def features(evidence: Iterable[Evidence]) -> NDArray[np.float64]:
    """[values, FEATURES].

    `log_odds`, `allowed`: natural logarithms within 10 of 0. `rule_passed` (and none failed),
    `rule_failed`, `unique` (one place), `nowhere` (words are there, none of them say it; several
    places are the base), `null`, `amount`, `date` (a text is the base), `item`: 0 or 1.
    `ocr_score`: 0 to 1, 1 where nothing is known. `null_log_odds`: the log odds of a null, which
    mean something else than those of a value. `length`: log of 1 + characters, 0 of a null.
    """
    rows = [[float(of(one)) for of in _FEATURES.values()] for one in evidence]
    return np.array(rows, np.float64).reshape(-1, len(FEATURES))

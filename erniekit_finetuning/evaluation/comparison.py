"""Is one model better than another on the same documents? Paired, over whole documents."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.evaluation.counting import Counts, Table
from erniekit_finetuning.evaluation.formulas import Measure
from erniekit_finetuning.evaluation.measures import PRIMARY

MIN_DOCUMENTS = 10  # with fewer, an interval over documents says nothing
RESAMPLES = 5000
LEVEL = 0.95
_SEED = 20251
_MOST = 20_000_000  # drawn numbers that are in memory at once
_Z_LEVEL, _Z_POWER = 1.959964, 0.841621  # of the normal distribution: 95 %, and 80 % power


class Outcome(StrEnum):
    """What the interval shows of the second model."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no difference shown"


class Difference(NamedTuple):
    """One score of two models. All but `documents` in the score's own unit (shares: 0 to 1).

    `interval` holds the 95 % limits of second minus first; None with fewer than MIN_DOCUMENTS
    documents, or where one has no score. `p_value`: how likely a difference as large is when there
    is none, None without an interval. `needed`: documents that would show this difference with a
    power of 80 %, if it is what it seems to be. `detectable`: what these documents would show so.
    """

    measure: Measure
    documents: int
    first: float | None
    second: float | None
    interval: tuple[float, float] | None = None
    outcome: Outcome = Outcome.NO_DIFFERENCE
    p_value: float | None = None
    needed: int | None = None
    detectable: float | None = None

    @property
    def difference(self) -> float | None:
        """Second minus first."""
        if self.first is None or self.second is None:
            return None
        return self.second - self.first


class Paired:
    """Two models' counts of the same documents, resampled together, ready for any score.

    Bootstrap (Efron and Tibshirani 1993, ch. 13): whole documents are drawn with replacement, in
    pairs. Its percentile interval is a little narrow with few documents; the quantiles are widened
    as Hesterberg (2015, "expanded percentile interval") gives it.
    """

    def __init__(self, first: Table, second: Table, rows: Sequence[int] | None = None) -> None:
        """Resample all documents, or some; raises UnusableInput when they are not the same."""
        if first.ids != second.ids:
            cure = "evaluate both on the same test data with the same --limit"
            raise UnusableInput(Problem("the evaluations are of different documents", cure=cure))
        self.documents = len(first.ids) if rows is None else len(rows)
        self._totals = [table.total(rows) for table in (first, second)]
        self._resampled: list[Counts] | None = None
        if self.documents >= MIN_DOCUMENTS:
            sets = [table.matrix(rows) for table in (first, second)]
            drawn = _resampled(sets)
            tables = zip((first, second), drawn, strict=True)
            self._resampled = [Counts(table.keys, sums) for table, sums in tables]

    def difference(self, measure: Measure = PRIMARY) -> Difference:
        """What the documents show of one score."""
        one, other = (_number(float(measure.of(total))) for total in self._totals)
        nothing = Difference(measure, self.documents, one, other)
        if one is None or other is None or self._resampled is None:
            return nothing
        before, after = (measure.of(counts) for counts in self._resampled)
        drawn = after - before
        drawn = drawn[~np.isnan(drawn)]  # a resample in which nothing was to be counted
        if not drawn.size:
            return nothing
        low, high = np.quantile(drawn, _quantiles(self.documents)).tolist()
        error = float(drawn.std()) * math.sqrt(self.documents / (self.documents - 1))
        return nothing._replace(
            interval=(low, high),
            outcome=_outcome(low, high, measure.better),
            p_value=_p_value(drawn),
            needed=_needed(self.documents, other - one, error),
            detectable=(_Z_LEVEL + _Z_POWER) * error,
        )


def mcnemar(only_first: int, only_second: int) -> float:
    """McNemar's test (1947), exact and two-sided, of documents that only one model has right.

    How likely so uneven a split is when neither is better; 1 where they never disagree.

    >>> mcnemar(6, 0)
    0.03125
    """
    from scipy.stats import binomtest

    disagreed = only_first + only_second
    return float(binomtest(only_first, disagreed).pvalue) if disagreed else 1.0


def corrected(rows: Sequence[Difference]) -> list[Difference]:
    """Rows of one table: a difference counts as shown when it is after Holm's correction, too.

    Rows without a p value could show nothing, and do not count in the correction (Tarone 1990).
    """
    tested = [i for i, row in enumerate(rows) if row.p_value is not None]
    found = [row._replace(outcome=Outcome.NO_DIFFERENCE) for row in rows]
    for i, p in zip(tested, holm([rows[i].p_value or 0.0 for i in tested]), strict=True):
        outcome = rows[i].outcome if p <= 1 - LEVEL else Outcome.NO_DIFFERENCE
        found[i] = rows[i]._replace(p_value=p, outcome=outcome)
    return found


def holm(p_values: Sequence[float]) -> list[float]:
    """P values corrected for their number (Holm 1979): of many rows some differ by chance.

    >>> holm([0.01, 0.04])
    [0.02, 0.04]
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    found, highest = [1.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, p_values[i] * (len(p_values) - rank)))
        found[i] = highest
    return found


def _resampled(sets: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Sums [RESAMPLES, keys] of each model, of the same draws of documents."""
    count = len(sets[0])
    generator = np.random.default_rng(_SEED)
    at_once = max(1, min(RESAMPLES, _MOST // count))
    parts: list[list[NDArray[np.float64]]] = [[] for _ in sets]
    for first in range(0, RESAMPLES, at_once):
        size = min(at_once, RESAMPLES - first)
        drawn = generator.multinomial(count, np.full(count, 1 / count), size=size).astype(float)
        for part, counts in zip(parts, sets, strict=True):
            part.append(drawn @ counts)
    return [np.concatenate(part) for part in parts]


def _quantiles(documents: int) -> tuple[float, float]:
    from scipy.stats import norm, t

    wide = math.sqrt(documents / (documents - 1)) * t.ppf((1 - LEVEL) / 2, documents - 1)
    low = float(norm.cdf(wide))
    return low, 1 - low


def _outcome(low: float, high: float, better: int) -> Outcome:
    if better == 0 or low <= 0 <= high:
        return Outcome.NO_DIFFERENCE
    return Outcome.BETTER if (low > 0) == (better > 0) else Outcome.WORSE


def _p_value(drawn: NDArray[np.float64]) -> float:
    """Two-sided, of the share of resamples on the other side of zero; never 0 (Davison 1997)."""
    beyond = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    return min(1.0, 2 * (beyond + 1) / (drawn.size + 1))


def _needed(documents: int, difference: float, error: float) -> int | None:
    """n * ((z of the level + z of the power) * standard error / difference)^2; None without one."""
    if difference == 0:
        return None
    return math.ceil(documents * ((_Z_LEVEL + _Z_POWER) * error / difference) ** 2)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value

"""Is one model better than another on the same documents? A paired bootstrap over documents."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.evaluation.judging import DocumentResult
from erniekit_finetuning.evaluation.matching import Verdict

MIN_DOCUMENTS = 10  # with fewer, an interval over documents says nothing
RESAMPLES = 5000
_SEED = 20251


class Outcome(StrEnum):
    """What the interval shows of the second model."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no difference shown"


class Comparison(NamedTuple):
    """Difference in field accuracy, second minus first, in points.

    `interval` holds the 95 % limits; None with fewer than MIN_DOCUMENTS documents.
    """

    documents: int
    difference: float
    interval: tuple[float, float] | None
    outcome: Outcome


def compare(first: Sequence[DocumentResult], second: Sequence[DocumentResult]) -> Comparison:
    """Percentile bootstrap (Efron and Tibshirani 1993, ch. 13), whole documents resampled in pairs.

    Field accuracy is micro: correct fields over counted fields of a resample. Raises UnusableInput
    when the two did not answer the same documents.
    """
    if [d.id for d in first] != [d.id for d in second]:
        cure = "evaluate both on the same test data with the same --limit"
        raise UnusableInput(Problem("the evaluations are of different documents", cure=cure))
    one, other = _counts(first), _counts(second)
    difference = float(_accuracy(other.sum(0)) - _accuracy(one.sum(0)))
    count = len(first)
    if count < MIN_DOCUMENTS:
        return Comparison(count, difference, None, Outcome.NO_DIFFERENCE)
    generator = np.random.default_rng(_SEED)
    drawn = generator.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    differences = _accuracy(drawn @ other) - _accuracy(drawn @ one)
    low, high = (float(edge) for edge in np.percentile(differences, (2.5, 97.5)))
    outcome = Outcome.NO_DIFFERENCE
    if low > 0 or high < 0:
        outcome = Outcome.BETTER if low > 0 else Outcome.WORSE
    return Comparison(count, difference, (low, high), outcome)


def _counts(documents: Sequence[DocumentResult]) -> NDArray[np.int64]:
    """[documents, 2]: correct fields and counted fields."""
    rows = [
        (
            sum(match.verdict is Verdict.CORRECT for match in document.matches),
            sum(match.verdict is not Verdict.ABSENT for match in document.matches),
        )
        for document in documents
    ]
    return np.array(rows, np.int64).reshape(-1, 2)


def _accuracy(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """In points (0 to 100); nothing to count is 0 for both models."""
    correct, counted = counts[..., 0], counts[..., 1]
    share: NDArray[np.float64] = 100.0 * correct / np.maximum(counted, 1)
    return share

"""Fit a model's calibration to labelled answers, and measure what it changes on unseen ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.confidence.calibration import Calibration, Error
from erniekit_finetuning.confidence.calibration_error import Steps, expected_error, stepped
from erniekit_finetuning.confidence.evidence import FEATURES, features
from erniekit_finetuning.confidence.logistic import L2, fit
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.evaluation.claims import Claim
from erniekit_finetuning.evaluation.result import Evaluated

MIN_DOCUMENTS = 20
MIN_OF_A_SORT = 10  # right claims, and wrong ones
FOLDS = 5
_RESAMPLES, _SEED = 2000, 20260101

Array = NDArray[np.float64]


class Labelled(NamedTuple):
    """The claims of one document; copies of a document have the same `key`."""

    key: str
    claims: Sequence[Claim]


class Calibrated(NamedTuple):
    """A calibration, and the values by confidence before it and after it, for the plot."""

    calibration: Calibration
    before: Steps
    after: Steps


def calibrated(
    documents: Iterable[Labelled], evaluated: Evaluated, schema_sha256: str | None = None
) -> Calibrated:
    """Fit to all claims; tell the error by cross-validation over documents.

    `schema_sha256`: of the schema that the answers keep, see `Calibration`.
    Raises UnusableInput where there are too few documents, or right or wrong claims.
    """
    labelled = [one for one in documents if one.claims]
    keys = [one.key for one in labelled]
    evidence = [claim.evidence for one in labelled for claim in one.claims]
    right = np.array([claim.right for one in labelled for claim in one.claims], bool)
    _enough(len(set(keys)), right)
    x = features(evidence)
    order = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    document = np.array([order[one.key] for one in labelled for _ in one.claims])
    unseen = out_of_fold(x, right, folds(len(order))[document])
    raw = np.array([round(one.raw, 4) for one in evidence])
    values = np.array([not one.null for one in evidence])  # as an evaluation counts them
    before, after = (
        _by_document(p[values], right[values], document[values], len(order))
        for p in (raw, np.round(unseen, 4))
    )
    final = fit(x, right)
    calibration = Calibration(
        model_sha256=evaluated.model_sha256,
        decoding=evaluated.decoding,
        schema_sha256=schema_sha256,
        data_sha256=evaluated.data_sha256,
        documents=len(order),
        values=len(right),
        right=int(right.sum()),
        features=FEATURES,
        weights=final.weights,
        means=final.means,
        scales=final.scales,
        intercept=final.intercept,
        l2=L2,
        error_before=_error(before),
        error_after=_error(after),
    )
    return Calibrated(calibration, _summed(before), _summed(after))


def folds(documents: int) -> NDArray[np.int64]:
    """The fold of each document: as many in each, at random, the same every time."""
    shuffled = np.random.default_rng(_SEED).permutation(documents)
    found: NDArray[np.int64] = shuffled % FOLDS
    return found


def out_of_fold(x: Array, right: NDArray[np.bool_], fold: NDArray[np.int64]) -> Array:
    """Each claim's probability by the fit to the other folds."""
    found = np.full(len(x), np.nan)
    for one in np.unique(fold):
        held_out = fold == one
        found[held_out] = fit(x[~held_out], right[~held_out]).probability(x[held_out])
    return found


def _by_document(
    confidence: Array, right: NDArray[np.bool_], document: NDArray[np.int64], count: int
) -> Steps:
    """Steps [documents, STEPS]."""
    each = [stepped(confidence[document == n], right[document == n]) for n in range(count)]
    return Steps(*(np.stack(part) for part in zip(*each, strict=True)))


def _summed(each: Steps) -> Steps:
    return Steps(*(part.sum(0) for part in each))


def _error(each: Steps) -> Error:
    """With the percentile interval of a bootstrap that draws whole documents, less its bias.

    Noise in a bin only adds to an error of absolute differences, so that of a resample is too
    high by about what its mean is above the error (Efron and Tibshirani 1993, chapter 10).
    """
    count = len(each.said)
    generator = np.random.default_rng(_SEED)
    drawn = generator.multinomial(count, np.full(count, 1 / count), size=_RESAMPLES).astype(float)
    errors = expected_error(Steps(*(drawn @ part for part in each)))
    value = float(expected_error(_summed(each)))
    centred = np.maximum(errors - (np.nanmean(errors) - value), 0)
    low, high = np.nanquantile(centred, (0.025, 0.975)).round(6).tolist()
    return Error(value=round(value, 6), low=low, high=high)


def _enough(documents: int, right: NDArray[np.bool_]) -> None:
    cure = "give more labelled documents that the model was not trained on"
    problems = []
    if documents < MIN_DOCUMENTS:
        what = "too few documents to calibrate on"
        problems.append(
            Problem(what, found=f"{documents} with a readable answer that tells its tokens",
                    expected=f"{MIN_DOCUMENTS} or more", cure=cure)
        )  # fmt: skip
    counts = Counter(right.tolist())
    for sort, name in ((True, "right"), (False, "wrong")):
        if counts[sort] < MIN_OF_A_SORT:
            what = f"too few {name} values to calibrate on"
            expected = f"{MIN_OF_A_SORT} or more"
            problems.append(Problem(what, found=str(counts[sort]), expected=expected, cure=cure))
    if problems:
        raise UnusableInput(problems)

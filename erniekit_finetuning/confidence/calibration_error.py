"""How far confidence is from how often it is right: the one definition of calibration error.

Expected calibration error (Naeini et al. 2015): values are sorted by confidence into ten bins of
equal mass (Nixon et al. 2019, so that no bin holds nearly all), and the error is the mean over
values of |share of right ones - mean confidence| of their bin.

Bins are made of steps of confidence, a quarter of a unit of log odds wide, so that counts add up
over documents and can be resampled. A step goes whole into the bin in which its middle value
stands: confidences that are equal share a bin, and one step may fill several.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BINS = 10
STEPS = 80
_REACH = 10.0  # log odds of the outermost steps; 1 in 22,000

Array = NDArray[np.float64]


class Steps(NamedTuple):
    """Values by step, [.., STEPS]: how many, how many are right, and the sum of confidences."""

    said: Array
    right: Array
    confidence: Array


class Bins(NamedTuple):
    """The same by bin, [.., BINS]; some may be empty."""

    said: Array
    right: Array
    confidence: Array


def step_of(confidence: float) -> int:
    """The step of a confidence from 0 to 1.

    >>> step_of(0), step_of(0.5), step_of(1)
    (0, 40, 79)
    """
    if not 0 < confidence < 1:
        return STEPS - 1 if confidence >= 1 else 0
    odds = math.log(confidence) - math.log1p(-confidence)
    return max(0, min(STEPS - 1, int((odds + _REACH) * STEPS / (2 * _REACH))))


def stepped(confidence: Array, right: NDArray[np.bool_]) -> Steps:
    """Values [values] by step."""
    steps = np.array([step_of(one) for one in confidence.tolist()], int)
    counted = (np.bincount(steps, weights, STEPS) for weights in (None, right, confidence))
    return Steps(*(np.asarray(one, float) for one in counted))


def binned(steps: Steps) -> Bins:
    """Steps gathered into bins of equal mass."""
    before = np.cumsum(steps.said, -1) - steps.said
    total = np.maximum(steps.said.sum(-1, keepdims=True), 1)
    number = np.minimum(BINS * (before + steps.said / 2) / total, BINS - 1).astype(int)
    return Bins(
        *(
            np.stack([np.where(number == one, part, 0).sum(-1) for one in range(BINS)], -1)
            for part in steps
        )
    )


def expected_error(steps: Steps) -> Array:
    """The error [..], 0 to 1; NaN where there is no value."""
    bins = binned(steps)
    apart, total = np.abs(bins.right - bins.confidence).sum(-1), bins.said.sum(-1)
    found: Array = np.where(total > 0, apart / np.where(total > 0, total, 1), np.nan)
    return found

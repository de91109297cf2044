"""Logistic regression with an L2 penalty, fitted by Newton's method."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

L2 = 1.0
_ROUNDS, _ENOUGH = 50, 1e-9

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Logistic:
    """P(right) = 1 / (1 + e^-z), z = intercept + weights . (x - means) / scales."""

    intercept: float
    weights: tuple[float, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]

    def probability(self, x: Array) -> Array:
        """[values] of features [values, features]."""
        scaled = (x - np.array(self.means)) / np.array(self.scales)
        return _sigmoid(self.intercept + scaled @ np.array(self.weights))


def fit(x: Array, right: NDArray[np.bool_], l2: float = L2) -> Logistic:
    """Fit features [values, features] to what is right.

    Newton steps (iteratively reweighted least squares: Hastie, Tibshirani, Friedman 2009, 4.4.1)
    on standardised features, halved until the loss falls. The penalty l2/2 |w|^2 spares the
    intercept; Platt's (1999) targets, (n + 1)/(n + 2) for right and 1/(m + 2) for wrong, keep it
    finite where all values are right or wrong. A feature that never changes has weight 0.
    """
    means, scales = x.mean(0), x.std(0)
    scales = np.where(scales > 1e-12, scales, 1.0)
    ones = np.ones((len(x), 1))
    design = np.concatenate([ones, (x - means) / scales], 1)
    good, bad = int(right.sum()), int((~right).sum())
    target = np.where(right, (good + 1) / (good + 2), 1 / (bad + 2))
    penalty = np.full(design.shape[1], l2)
    penalty[0] = 0
    beta = np.zeros(design.shape[1])
    loss = _loss(design, target, penalty, beta)
    for _ in range(_ROUNDS):
        p = _sigmoid(design @ beta)
        slope = design.T @ (p - target) + penalty * beta
        curve = (design * (p * (1 - p))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.lstsq(curve, slope, rcond=None)[0]
        while (new := _loss(design, target, penalty, beta - step)) > loss + 1e-12:
            step = step / 2
        beta, gained, loss = beta - step, loss - new, new
        if gained < _ENOUGH:
            break
    return Logistic(
        float(beta[0]), tuple(beta[1:].tolist()), tuple(means.tolist()), tuple(scales.tolist())
    )


def _sigmoid(z: Array) -> Array:
    found: Array = np.exp(-np.logaddexp(0, -z))
    return found


def _loss(design: Array, target: Array, penalty: Array, beta: Array) -> float:
    z = design @ beta
    cross_entropy = np.logaddexp(0, z) - target * z
    return float(cross_entropy.sum() + (penalty * beta**2).sum() / 2)

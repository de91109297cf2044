"""Small draws from a seeded `random.Random`, shared by everything that varies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


def pick(rng: Random, options: Sequence[T]) -> T:
    """One of `options`, each as likely as the next."""
    return options[int(rng.random() * len(options))]


def weighted(rng: Random, weights: Mapping[T, float]) -> T:
    """One key of `weights`, in proportion to its weight."""
    left = rng.random() * sum(weights.values())
    for option, weight in weights.items():
        left -= weight
        if left < 0:
            return option
    return next(reversed(list(weights)))


def chance(rng: Random, share: float) -> bool:
    """True in `share` (0 to 1) of the draws."""
    return rng.random() < share


def digits(rng: Random, count: int) -> str:
    """`count` random digits, the first not 0."""
    return str(rng.randrange(10 ** (count - 1), 10**count))

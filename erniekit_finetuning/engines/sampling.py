"""Answers that are drawn by chance, the same ones again for the same seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.errors import Problem, UnusableInput


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn; `temperature` 0 always takes the likeliest.

    Only the likeliest tokens that together have the probability `top_p` are drawn. Raises
    UnusableInput for a temperature below 0, a `top_p` outside (0, 1] and a seed below 0.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        problems = []
        if not 0 <= self.temperature < float("inf"):
            expected, found = "0 or more", str(self.temperature)
            problems.append(
                Problem("is no temperature", field="temperature", found=found, expected=expected)
            )
        if not 0 < self.top_p <= 1:
            expected, found = "more than 0, at most 1", str(self.top_p)
            problems.append(
                Problem("is no probability", field="top_p", found=found, expected=expected)
            )
        if self.seed < 0:
            found = str(self.seed)
            problems.append(Problem("is no seed", field="seed", found=found, expected="0 or more"))
        if problems:
            raise UnusableInput(problems)


class Sampler:
    """Draws the tokens of one answer.

    Each token's logit gets noise of its own and the highest sum is taken (the Gumbel-max trick):
    that draws by the softmax, and two models with one seed say the same where they think alike.
    """

    def __init__(self, sampling: Sampling) -> None:
        self._how = sampling
        self._chance = np.random.default_rng(sampling.seed)

    def token(self, logits: NDArray[np.float32]) -> int:
        """The next token by its logits [vocabulary], -inf for one that may not come."""
        if self._how.temperature == 0:
            return int(logits.argmax())
        noise = -np.log(self._chance.standard_exponential(len(logits)))  # Gumbel's
        with np.errstate(over="ignore"):  # near 0 the others sink to -inf, as they should
            scaled = (logits - logits.max()).astype(np.float64) / self._how.temperature
        return int((nucleus(scaled, self._how.top_p) + noise).argmax())


def nucleus(logits: NDArray[np.float64], top_p: float) -> NDArray[np.float64]:
    """The logits with -inf for all but the fewest likeliest that have `top_p` together.

    >>> nucleus(np.log([0.5, 0.3, 0.2]), 0.6).tolist()[2]
    -inf
    """
    if top_p == 1:
        return logits
    odds = np.exp(logits - logits.max())
    total = odds.sum()
    # Those below this have less than 1 - top_p together: none is needed, or has to be sorted.
    some = np.flatnonzero(odds >= (1 - top_p) * total / len(odds))
    order = some[np.argsort(-odds[some], kind="stable")]
    before = np.cumsum(odds[order]) - odds[order]
    chosen = order[before < top_p * total]
    kept = np.full_like(logits, -np.inf)
    kept[chosen] = logits[chosen]
    return kept

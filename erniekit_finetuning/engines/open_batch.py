"""Answers that are said together, a token of each at a time; others may join at any token."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.engines.encoding import Encoded
from erniekit_finetuning.engines.protocol import Constraint
from erniekit_finetuning.errors import UnusableInput


class Scorer(Protocol):
    """A model that scores the next token of several texts."""

    @property
    def max_tokens(self) -> int:
        """Context length in tokens."""
        ...

    @property
    def vocabulary_size(self) -> int:
        """How many scores a step gives."""
        ...

    def start(self, prompts: Sequence[Encoded], room: int) -> Any:
        """Read prompts with their images, with room for more tokens; give what the others take."""
        ...

    def scores(self, state: Any) -> NDArray[np.float32]:
        """Logits [rows, vocabulary] of the next token."""
        ...

    def step(self, state: Any, tokens: NDArray[np.int64], positions: NDArray[np.int64]) -> Any:
        """Append a token to each row; `positions` is how many tokens stand before it."""
        ...

    def join(self, states: Sequence[Any], room: int) -> Any:
        """Put the rows of several states side by side, in their order, with room for more tokens.

        The states that are joined are not used again.
        """
        ...

    def keep(self, state: Any, rows: NDArray[np.int64]) -> Any:
        """Drop every row but these."""
        ...


class Emitted(NamedTuple):
    """A token, its log probability, and the log of what the constraint left of all probability."""

    token: int
    logprob: float
    allowed: float


@dataclass
class Saying:
    """An answer while it is said: its number, at most how many tokens, within which bounds.

    `failure`: why its constraint bounds nothing; the others go on.
    """

    key: int
    prompt: Encoded
    limit: int
    constraint: Constraint | None = None
    said: list[Emitted] = field(default_factory=list)
    failure: UnusableInput | None = None

    @property
    def position(self) -> int:
        """Tokens of the prompt and of what is said up to now."""
        return len(self.prompt.tokens) + len(self.said)


class OpenBatch:
    """Greedy answers side by side. What a row says does not depend on the others."""

    def __init__(self, scorer: Scorer, end_token: int) -> None:
        self._scorer, self._end_token = scorer, end_token
        self._state: Any = None
        self._rows: list[Saying] = []

    def __len__(self) -> int:
        """How many answers are being said."""
        return len(self._rows)

    def join(self, rows: Sequence[Saying]) -> None:
        """Read the prompts of new rows and put them beside the others."""
        state = self._scorer.start([row.prompt for row in rows], max(row.limit for row in rows))
        before, self._rows = len(self._rows), [*self._rows, *rows]
        if before:
            room = max(row.limit - len(row.said) for row in self._rows)
            state = self._scorer.join([self._state, state], room)
        self._state = state

    def leave(self, keys: Collection[int]) -> None:
        """Drop rows that nobody waits for any more."""
        self._keep([index for index, row in enumerate(self._rows) if row.key not in keys])

    def step(self) -> list[Saying]:
        """Say one token of each row; give those that end with it, or that failed."""
        rows = self._rows
        chosen, *scored = _choose(self._scorer.scores(self._state), rows)
        for row, token, logprob, allowed in zip(rows, chosen, *scored, strict=True):
            row.said.append(Emitted(int(token), float(logprob), float(allowed)))
        ends = [
            row.said[-1].token == self._end_token
            or len(row.said) >= row.limit
            or row.failure is not None
            for row in rows
        ]
        self._keep([index for index, end in enumerate(ends) if not end])
        if self._rows:
            tokens = np.array([row.said[-1].token for row in self._rows])
            before = np.array([row.position - 1 for row in self._rows])
            self._state = self._scorer.step(self._state, tokens, before)
        return [row for row, end in zip(rows, ends, strict=True) if end]

    def _keep(self, indices: list[int]) -> None:
        if len(indices) < len(self._rows):
            self._rows = [self._rows[index] for index in indices]
            rows = np.array(indices, np.int64)
            self._state = self._scorer.keep(self._state, rows) if indices else None


def _choose(
    logits: NDArray[np.float32], rows: Sequence[Saying]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """The best token that each row may say, its log probability, and that of all it might say."""
    chosen = logits.argmax(-1)
    best = logits.max(-1, keepdims=True)
    odds = np.exp(logits - best)
    total = odds.sum(-1, dtype=np.float64)
    left = total.copy()
    for index, row in enumerate(rows):
        if row.constraint is None:
            continue
        try:
            added = row.constraint.added()
            chosen[index] = (logits[index] + added).argmax()
            row.constraint.accept(int(chosen[index]))
        except UnusableInput as error:
            row.failure = error
        else:
            left[index] = odds[index][added > -np.inf].sum(dtype=np.float64)
    logprobs = (np.take_along_axis(logits, chosen[:, None], -1) - best)[:, 0] - np.log(total)
    with np.errstate(divide="ignore"):  # what was left may round to 0; the token is in it
        return chosen, logprobs, np.maximum(np.log(left / total), logprobs)

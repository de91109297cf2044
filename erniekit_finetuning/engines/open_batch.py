"""Answers that are said together, a few tokens of each at a time; others may join at any time."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.engines.encoding import Encoded
from erniekit_finetuning.engines.guessing import Guesses
from erniekit_finetuning.engines.protocol import Constraint
from erniekit_finetuning.engines.sampling import Sampler
from erniekit_finetuning.errors import UnusableInput


class Scorer(Protocol):
    """A model that scores what comes next in several texts, after each token that it reads."""

    @property
    def max_tokens(self) -> int:
        """Context length in tokens."""
        ...

    @property
    def vocabulary_size(self) -> int:
        """How many scores there are after a token."""
        ...

    def start(self, prompts: Sequence[Encoded], room: int) -> Any:
        """Read prompts with their images, with room for more tokens; give what the others take."""
        ...

    def scores(self, state: Any) -> NDArray[np.float32]:
        """Logits [tokens, vocabulary] after each token that was read last, row by row: one of each
        prompt, and all of a step."""
        ...

    def step(self, state: Any, right: Sequence[int], tokens: Sequence[Sequence[int]]) -> Any:
        """Forget all but the `right` first of each row's tokens that were read last, which are one
        or more; then read the row's `tokens`, one or more."""
        ...

    def join(self, states: Sequence[Any]) -> Any:
        """Put the rows of several states side by side, in their order.

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

    `sampler` draws its tokens; None takes the best. `guesses` tell what may come next, and
    `guessed` what was read along with the last token. `failure`: why its constraint bounds
    nothing; the others go on.
    """

    key: int
    prompt: Encoded
    limit: int
    guesses: Guesses
    constraint: Constraint | None = None
    sampler: Sampler | None = None
    said: list[Emitted] = field(default_factory=list)
    guessed: list[int] = field(default_factory=list)
    failure: UnusableInput | None = None

    @property
    def tokens(self) -> list[int]:
        """What is said up to now."""
        return [one.token for one in self.said]

    def is_over(self, end_token: int) -> bool:
        """Whether nothing more is said."""
        over = bool(self.said) and self.said[-1].token == end_token
        return over or len(self.said) >= self.limit or self.failure is not None

    def guess(self) -> None:
        """Guess what follows what is said, as far as it may come and there is room for it."""
        possible = len if self.constraint is None else self.constraint.possible
        room = self.limit - len(self.said) - 1
        self.guessed = self.guesses.after(self.tokens, possible)[:room]


class OpenBatch:
    """Answers side by side. What a row says does not depend on the others."""

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
        self._state = self._scorer.join([self._state, state]) if self._rows else state
        self._rows = [*self._rows, *rows]

    def leave(self, keys: Collection[int]) -> None:
        """Drop rows that nobody waits for any more."""
        self._keep([index for index, row in enumerate(self._rows) if row.key not in keys])

    def step(self) -> list[Saying]:
        """Say a token of each row, or several where the next ones were guessed; give those that end
        with it, or that failed."""
        rows, right = self._rows, dict[int, int]()
        scored = Scored.of(self._scorer.scores(self._state))
        first = 0
        for row in rows:
            right[row.key] = self._say(row, scored, first)
            row.guesses.right(right[row.key] - 1)
            first += 1 + len(row.guessed)
        over = [row.is_over(self._end_token) for row in rows]
        self._keep([index for index, end in enumerate(over) if not end])
        for row in self._rows:
            row.guess()
        if self._rows:
            read = [[row.said[-1].token, *row.guessed] for row in self._rows]
            kept = [right[row.key] for row in self._rows]
            self._state = self._scorer.step(self._state, kept, read)
        return [row for row, end in zip(rows, over, strict=True) if end]

    def _say(self, row: Saying, scored: Scored, first: int) -> int:
        """Say what the scores from `first` on say, until a guess was wrong; how many tokens it is,
        which is how many of those that were read are right."""
        for index in range(len(row.guessed) + 1):
            try:
                emitted = choose(scored, first + index, row.constraint, row.sampler)
            except UnusableInput as error:
                row.failure = error
                break
            row.said.append(emitted)
            guessed_right = index < len(row.guessed) and emitted.token == row.guessed[index]
            if not guessed_right or row.is_over(self._end_token):
                break
        return index + 1

    def _keep(self, indices: list[int]) -> None:
        if len(indices) < len(self._rows):
            self._rows = [self._rows[index] for index in indices]
            rows = np.array(indices, np.int64)
            self._state = self._scorer.keep(self._state, rows) if indices else None


class Scored(NamedTuple):
    """Logits after several tokens, the best token of each, and the odds of all beside it."""

    logits: NDArray[np.float32]
    best: NDArray[np.int64]
    odds: NDArray[np.float32]
    totals: NDArray[np.float64]

    @classmethod
    def of(cls, logits: NDArray[np.float32]) -> Scored:
        """From logits [tokens, vocabulary]."""
        odds = np.exp(logits - logits.max(-1, keepdims=True))
        return cls(logits, logits.argmax(-1), odds, odds.sum(-1, dtype=np.float64))


def choose(
    scored: Scored, index: int, constraint: Constraint | None, sampler: Sampler | None = None
) -> Emitted:
    """The best token that may be said, or the one that is drawn, its log probability, and that of
    all that might be.

    Raises UnusableInput where the constraint bounds nothing.
    """
    logits, total = scored.logits[index], float(scored.totals[index])
    token, left = int(scored.best[index]), total
    if constraint is not None or sampler is not None:
        added = np.float32(0) if constraint is None else constraint.added()
        wanted = logits + added
        token = int(wanted.argmax()) if sampler is None else sampler.token(wanted)
        if constraint is not None:
            constraint.accept(token)
            left = float(scored.odds[index][added > -np.inf].sum(dtype=np.float64))
    logprob = float(logits[token] - logits[scored.best[index]]) - math.log(total)
    # What was left may round to 0; the token is in it.
    return Emitted(token, logprob, max(math.log(left / total), logprob) if left else logprob)

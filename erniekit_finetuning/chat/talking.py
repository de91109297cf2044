"""Answers of several models to one question, while they are said."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Literal

from erniekit_finetuning.chat.fitting import fitted
from erniekit_finetuning.chat.sides import Side, Sides
from erniekit_finetuning.engines.protocol import Generation, Message, Question
from erniekit_finetuning.engines.reading import Together
from erniekit_finetuning.engines.sampling import Sampling

_KEY = 0


@dataclass(frozen=True)
class How:
    """How answers are asked for: after which system turn ("" for none), how long, how drawn."""

    system: str
    max_new_tokens: int
    sampling: Sampling


@dataclass(frozen=True)
class Said:
    """An answer as far as it is said, and why it is over: its `end`, the token `limit`, or None
    while it goes on.

    Seconds are the model's own computing, in which the others waited: `first_seconds` for its
    first step, which said `first_tokens`, and `seconds` in all. `left_out` are the oldest turns
    that did not fit its context.
    """

    text: str = ""
    over: Literal["end", "limit", "stopped"] | None = None
    tokens: int = 0
    first_tokens: int = 0
    first_seconds: float | None = None
    seconds: float = 0.0
    left_out: int = 0

    @property
    def tokens_per_second(self) -> float | None:
        """After the first step, which waits for the whole prompt; None before there is a rate."""
        if self.first_seconds is None or self.tokens <= self.first_tokens:
            return None
        return (self.tokens - self.first_tokens) / max(self.seconds - self.first_seconds, 1e-9)


class Talking:
    """Asks loaded models. Several threads may ask at once: the models are computed in turns."""

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        self._turn = Lock()

    def answer(
        self,
        conversations: Mapping[str, Sequence[Message]],
        max_new_tokens: int,
        sampling: Sampling,
    ) -> Iterator[dict[str, Said]]:
        """Let each kind of model answer its conversation, a few tokens of each in turn.

        Everything said up to then comes after each turn, for the last time when all are over.
        Closing the iterator stops it. Raises UnusableInput, before anything is said, for a model
        that is not loaded, a question that its context cannot hold, and what a template refuses.
        """
        asked = {
            kind: _Answer(self.sides[kind], messages, max_new_tokens, sampling)
            for kind, messages in conversations.items()
        }
        while any(one.said.over is None for one in asked.values()):
            for one in asked.values():
                if one.said.over is None:
                    with self._turn:
                        one.step()
            yield {kind: one.said for kind, one in asked.items()}


class _Answer:
    def __init__(
        self, side: Side, messages: Sequence[Message], max_new_tokens: int, sampling: Sampling
    ) -> None:
        reader = side.reader
        kept = fitted(
            messages,
            lambda some: reader.count_tokens(Question(tuple(some))),
            reader.max_tokens,
            max_new_tokens,
        )
        self._together: Together = reader.together()
        self._together.ask(_KEY, Question(kept), max_new_tokens, sampling)
        self.said = Said(left_out=len(messages) - len(kept))

    def step(self) -> None:
        """Say a few tokens more."""
        started = time.monotonic()
        ended = self._together.step()
        seconds = self.said.seconds + time.monotonic() - started
        over: Literal["end", "limit"] | None = None
        if ended:
            ((_, outcome),) = ended
            assert isinstance(outcome, Generation)  # only a constraint can fail
            over = "end" if outcome.finished else "limit"
            text, tokens = outcome.text, outcome.new_tokens
        else:
            text, tokens = self._together.so_far(_KEY)
        self.said = replace(self.said, text=text, over=over, tokens=tokens, seconds=seconds)
        if self.said.first_seconds is None:
            self.said = replace(self.said, first_tokens=tokens, first_seconds=seconds)

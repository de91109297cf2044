"""What the chat page asks: answers while they are said, a stop, a conversation to train on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from threading import Event
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from erniekit_finetuning.chat.conversation import conversation, exported
from erniekit_finetuning.chat.talking import How, Said, Talking
from erniekit_finetuning.engines.protocol import Message
from erniekit_finetuning.engines.sampling import Sampling

_PAUSE = 0.05  # seconds between what is sent: a reader sees no more often
_LONGEST = 100_000  # letters of a turn


class Turn(BaseModel):
    """One turn of a conversation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Literal["user", "assistant"]
    content: str = Field(max_length=_LONGEST)


class Talk(BaseModel):
    """A conversation by its id on the page."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(max_length=64)


class Asked(Talk):
    """What each kind of model shall answer, and how."""

    system: str = Field(max_length=_LONGEST)
    turns: dict[str, tuple[Turn, ...]] = Field(min_length=1, max_length=2)
    temperature: float
    top_p: float
    seed: int
    max_new_tokens: int = Field(ge=1)


class Exported(BaseModel):
    """A conversation with one model, to be written as a row of training data."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    system: str = Field(max_length=_LONGEST)
    turns: tuple[Turn, ...]


class Opened(BaseModel):
    """Nothing: the page was opened."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Chatting:
    """The conversations of all open pages."""

    def __init__(self, talking: Talking, how: How) -> None:
        self._talking, self._how = talking, how
        self._stops: dict[str, Event] = {}

    @property
    def answering(self) -> int:
        """How many conversations are being answered."""
        return len(self._stops)

    def opened(self, _: Opened) -> dict[str, Any]:
        """What the page shows before a word is said."""
        models = self._talking.sides.models
        return {
            "models": [{"kind": side.kind, "name": side.name} for side in models],
            "system": self._how.system,
            "settings": asdict(self._how.sampling) | {"max_new_tokens": self._how.max_new_tokens},
        }

    def answer(self, asked: Asked) -> Iterator[dict[str, Any]]:
        """All answers as far as they are said, until they are over or stopped."""
        sampling = Sampling(asked.temperature, asked.top_p, asked.seed)
        asks = {
            kind: conversation(asked.system, _messages(turns))
            for kind, turns in asked.turns.items()
        }
        stop = self._stops[asked.id] = Event()
        said: dict[str, Said] = {}
        sent = 0.0
        try:
            for said in self._talking.answer(asks, asked.max_new_tokens, sampling):
                over = all(one.over for one in said.values())
                if stop.is_set() and not over:
                    yield {kind: _told(one, stopped=True) for kind, one in said.items()}
                    return
                if over or time.monotonic() - sent > _PAUSE:
                    yield {kind: _told(one) for kind, one in said.items()}
                    sent = time.monotonic()
        finally:
            if self._stops.get(asked.id) is stop:
                del self._stops[asked.id]

    def stop(self, talk: Talk) -> None:
        """Let the answers of a conversation end where they are."""
        stop = self._stops.get(talk.id)
        if stop is not None:
            stop.set()

    def export(self, asked: Exported) -> str:
        """The conversation as a line of JSONL in the format `messages`; see `exported`."""
        return exported(conversation(asked.system, _messages(asked.turns)))


def _messages(turns: Sequence[Turn]) -> list[Message]:
    return [Message(turn.role, turn.content) for turn in turns]


def _told(said: Said, stopped: bool = False) -> dict[str, Any]:
    return {
        "text": said.text,
        "over": said.over or ("stopped" if stopped else None),
        "tokens": said.tokens,
        "first_seconds": said.first_seconds,
        "tokens_per_second": said.tokens_per_second,
        "left_out": said.left_out,
    }

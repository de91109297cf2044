"""PaddleFormers, chat APIs: {"messages": [{"role": "user", "content": ".."}], "images": [".."]}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from erniekit_finetuning.data.formats.format import Format, Row, checked, pair_of
from erniekit_finetuning.data.pair import Pair, Turn

_EXPECTED = '{"messages": [{"role": "user", "content": ".."}, ..], "images": ["p.png"]}'
_ROLES: dict[str, Literal["system", "human", "assistant"]] = {
    "system": "system",
    "user": "human",
    "assistant": "assistant",
}
_NAMES = {role: name for name, role in _ROLES.items()}


class _Message(Row):
    role: Literal["system", "user", "assistant"]
    content: str


class _Messages(Row):
    messages: list[_Message]
    images: tuple[str, ...] = ()


def _write(pair: Pair) -> dict[str, Any]:
    turns = [{"role": _NAMES[turn.role], "content": turn.content} for turn in pair.conversations]
    images = list(pair.all_images)
    return {"messages": turns} | ({"images": images} if images else {})


def _read(row: Mapping[str, Any]) -> Pair:
    found: _Messages = checked(_Messages, row, _EXPECTED)
    turns = tuple(Turn(role=_ROLES[one.role], content=one.content) for one in found.messages)
    return pair_of(turns, found.images)


MESSAGES = Format("messages", frozenset(_Messages.model_fields), False, False, _write, _read)

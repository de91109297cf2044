"""ShareGPT: {"conversations": [{"from": "human|gpt|system", "value": ".."}]}, images beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from erniekit_finetuning.data.formats.format import Format, Row, checked, pair_of
from erniekit_finetuning.data.pair import Pair, Turn

_EXPECTED = '{"conversations": [{"from": "human", "value": ".."}, {"from": "gpt", ..}]}'
_ROLES: dict[str, Literal["system", "human", "assistant"]] = {
    "system": "system",
    "human": "human",
    "gpt": "assistant",
}
_NAMES = {role: name for name, role in _ROLES.items()}


class _Said(Row):
    speaker: Literal["system", "human", "gpt"] = Field(alias="from")
    value: str


class _ShareGPT(Row):
    conversations: list[_Said]
    images: tuple[str, ...] = ()


def _write(pair: Pair) -> dict[str, Any]:
    turns = [{"from": _NAMES[turn.role], "value": turn.content} for turn in pair.conversations]
    images = list(pair.all_images)
    return {"conversations": turns} | ({"images": images} if images else {})


def _read(row: Mapping[str, Any]) -> Pair:
    found: _ShareGPT = checked(_ShareGPT, row, _EXPECTED)
    turns = tuple(Turn(role=_ROLES[one.speaker], content=one.value) for one in found.conversations)
    return pair_of(turns, found.images)


SHAREGPT = Format("sharegpt", frozenset(_ShareGPT.model_fields), False, True, _write, _read)

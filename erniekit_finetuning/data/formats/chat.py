"""Lists of who says what, images beside them: messages (PaddleFormers, TRL, chat APIs), ShareGPT.

{"messages": [{"role": "user", "content": ".."}, ..], "images": ["p.png"]}
{"conversations": [{"from": "human", "value": ".."}, ..]}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, create_model

from erniekit_finetuning.data.formats.format import Format, Row, checked, pair_of
from erniekit_finetuning.data.pair import Pair, Turn


def _chat_format(
    name: str, turns: str, role: str, text: str, speakers: Mapping[str, str], arrays: bool
) -> Format:
    """A format with its keys for the turns, who speaks and what; `speakers`: our role -> theirs."""
    ours = {theirs: our for our, theirs in speakers.items()}
    allowed = Annotated[str, Field(alias=role, pattern=f"^({'|'.join(ours)})$")]
    said = create_model(
        "Said", __base__=Row, speaker=(allowed, ...), words=(str, Field(alias=text))
    )
    row_model: Any = create_model(
        "Chat",
        __base__=Row,
        turns=(list[said], Field(alias=turns)),
        images=(tuple[str, ...], ()),
    )
    expected = f'{{"{turns}": [{{"{role}": "{speakers["human"]}", "{text}": ".."}}, ..]}}'

    def write(pair: Pair) -> dict[str, Any]:
        row: dict[str, Any] = {
            turns: [{role: speakers[turn.role], text: turn.content} for turn in pair.conversations]
        }
        return row | ({"images": list(pair.all_images)} if pair.all_images else {})

    def read(row: Mapping[str, Any]) -> Pair:
        found = checked(row_model, row, expected)
        spoken = tuple(Turn(role=ours[one.speaker], content=one.words) for one in found.turns)
        return pair_of(spoken, found.images)

    return Format(name, frozenset({turns, "images"}), False, arrays, write, read)


MESSAGES = _chat_format(
    "messages",
    *("messages", "role", "content"),
    {"system": "system", "human": "user", "assistant": "assistant"},
    arrays=False,
)
SHAREGPT = _chat_format(
    "sharegpt",
    *("conversations", "from", "value"),
    {"system": "system", "human": "human", "assistant": "gpt"},
    arrays=True,
)

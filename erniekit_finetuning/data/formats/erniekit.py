"""ERNIEKit, text: {"system": "..", "src": ["question", ..], "tgt": ["answer", ..]}.

ERNIEKit skips a row whose strings are empty or whose lists differ in length, with a warning only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from erniekit_finetuning.data.formats.format import Format, Row, checked, no_place, pair_of
from erniekit_finetuning.data.pair import Pair, Turn
from erniekit_finetuning.errors import Problem, UnusableInput

_EXPECTED = '{"src": [".."], "tgt": [".."]}'


class _ErnieKit(Row):
    system: str | None = None
    src: list[str] | str
    tgt: list[str] | str
    label: list[int] | None = None


def _write(pair: Pair) -> dict[str, Any]:
    turns = list(pair.conversations)
    system = {"system": turns.pop(0).content} if turns and turns[0].role == "system" else {}
    asked = [turn.content for turn in turns if turn.role == "human"]
    answered = [turn.content for turn in turns if turn.role == "assistant"]
    if len(asked) != len(answered):
        raise no_place("erniekit", "a question without its answer", "end with an assistant turn")
    return system | {"src": asked, "tgt": answered}


def _read(row: Mapping[str, Any]) -> Pair:
    found: _ErnieKit = checked(_ErnieKit, row, _EXPECTED)
    asked = [found.src] if isinstance(found.src, str) else found.src
    answered = [found.tgt] if isinstance(found.tgt, str) else found.tgt
    problems = []
    if len(asked) != len(answered):
        problems.append(
            Problem(
                "src and tgt differ in length",
                field="tgt",
                found=str(len(answered)),
                expected=str(len(asked)),
            )
        )
    if found.label is not None and found.label != [1] * len(asked):
        problems.append(
            Problem(
                "turns that are not trained have no place in a pair",
                field="label",
                found=str(found.label),
                expected="1 for every turn",
                cure="put the turns that are context into one question",
            )
        )
    if problems:
        raise UnusableInput(problems)
    turns = [Turn(role="system", content=found.system)] if found.system else []
    for question, answer in zip(asked, answered, strict=True):
        turns += [Turn(role="human", content=question), Turn(role="assistant", content=answer)]
    return pair_of(tuple(turns))


ERNIEKIT = Format("erniekit", frozenset(_ErnieKit.model_fields), True, False, _write, _read)

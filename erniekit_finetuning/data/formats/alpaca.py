"""Alpaca: {"instruction": "..", "input": "..", "output": ".."}, one question and one answer.

The whole prompt stands under instruction: ERNIEKit puts nothing between instruction and input.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from erniekit_finetuning.data.formats.format import Format, Row, checked, no_place, pair_of
from erniekit_finetuning.data.pair import Pair, Turn

_EXPECTED = '{"instruction": "..", "input": "", "output": ".."}'


class _Alpaca(Row):
    instruction: str
    input: str = ""
    output: str


def _write(pair: Pair) -> dict[str, Any]:
    roles = [turn.role for turn in pair.conversations]
    if roles != ["human", "assistant"]:
        cure = "use messages, sharegpt or erniekit"
        raise no_place("alpaca", f"these turns ({', '.join(roles)})", cure)
    return {"instruction": pair.human, "input": "", "output": pair.answer}


def _read(row: Mapping[str, Any]) -> Pair:
    found: _Alpaca = checked(_Alpaca, row, _EXPECTED)
    asked = "\n".join(part for part in (found.instruction, found.input) if part)
    return pair_of(
        (Turn(role="human", content=asked), Turn(role="assistant", content=found.output))
    )


ALPACA = Format("alpaca", frozenset(_Alpaca.model_fields), True, True, _write, _read)

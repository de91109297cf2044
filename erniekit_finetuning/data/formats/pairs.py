"""Our own: {"image": path, "conversations": [{"role": "human", "content": ".."}, ..]}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from erniekit_finetuning.data.formats.format import Format
from erniekit_finetuning.data.pair import Pair
from erniekit_finetuning.errors import Problem, UnusableInput

_EXPECTED = '{"image": .., "conversations": [{"role": "human", ..}, ..]}'


def _write(pair: Pair) -> dict[str, Any]:
    return pair.to_json()


def _read(row: Mapping[str, Any]) -> Pair:
    try:
        return Pair.model_validate(row)
    except ValidationError as error:
        raise UnusableInput(
            [
                Problem(
                    fault["msg"],
                    field=".".join(map(str, fault["loc"])),
                    found=None if fault["type"] == "missing" else repr(fault["input"])[:80],
                    expected=_EXPECTED,
                )
                for fault in error.errors(include_url=False)
            ]
        ) from error


PAIRS = Format("pairs", frozenset(Pair.model_fields), False, True, _write, _read)

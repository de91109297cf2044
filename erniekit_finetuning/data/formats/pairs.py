"""Our own: {"image": path, "conversations": [{"role": "human", "content": ".."}, ..]}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from erniekit_finetuning.data.formats.format import Format
from erniekit_finetuning.data.pair import Pair
from erniekit_finetuning.faults import unusable

_EXPECTED = '{"image": .., "conversations": [{"role": "human", ..}, ..]}'


def _write(pair: Pair) -> dict[str, Any]:
    return pair.to_json()


def _read(row: Mapping[str, Any]) -> Pair:
    try:
        return Pair.model_validate(row)
    except ValidationError as error:
        raise unusable(error, shown=True, expected=_EXPECTED) from error


PAIRS = Format("pairs", frozenset(Pair.model_fields), False, True, _write, _read)

"""Which format a row has, by its keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from erniekit_finetuning.data.formats import FORMATS
from erniekit_finetuning.data.formats.format import Format
from erniekit_finetuning.errors import Problem, UnusableInput


def format_of(row: Any) -> Format:
    """The format of a row; raises UnusableInput where no key tells it."""
    if isinstance(row, Mapping):
        if "conversations" in row:
            turns = row["conversations"]
            first = turns[0] if isinstance(turns, list) and turns else {}
            other = isinstance(first, Mapping) and "from" in first
            return FORMATS["sharegpt" if other else "pairs"]
        for name, key in _KEYS.items():
            if key in row:
                return FORMATS[name]
    raise UnusableInput(
        Problem(
            "the row has no format that is known",
            found=", ".join(map(str, row))[:120]
            if isinstance(row, Mapping)
            else type(row).__name__,
            expected=" | ".join(FORMATS),
        )
    )


_KEYS = {
    "messages": "messages",
    "erniekit": "src",
    "erniekit-vl": "text_info",
    "alpaca": "instruction",
}

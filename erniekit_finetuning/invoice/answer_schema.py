"""The JSON Schema of an answer of our shape, for services that hold a model to one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from erniekit_finetuning.invoice.model import Invoice, Line
from erniekit_finetuning.invoice.response import structured_data

_LEAF = {"type": ["string", "null"]}


@cache
def answer_schema() -> dict[str, Any]:
    """JSON Schema (2020-12): every key required and no other, every value a string or null.

    A validation_summary is not in it: code computes that, not a model.
    """
    # The shape is that of an empty invoice with one line, so it is written down in one place only.
    return _schema({"structured_data": structured_data(Invoice(lines=(Line(),)))})


def _schema(shape: Any) -> dict[str, Any]:
    if isinstance(shape, Mapping):
        return {
            "type": "object",
            "properties": {key: _schema(value) for key, value in shape.items()},
            "required": list(shape),
            "additionalProperties": False,
        }
    if isinstance(shape, list):
        return {"type": "array", "items": _schema(shape[0])}
    return _LEAF

"""JSON Schemas that answers of a shape of one's own must keep."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, SchemaError
from jsonschema.protocols import Validator

from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.evaluation.values import Kind

_NUMBERS = ("amount", "number", "rate")


def read_schema(path: Path) -> Validator:
    """A JSON Schema (2020-12); raises UnusableInput when it cannot be read or is none."""
    try:
        schema = json.loads(path.read_text(encoding="utf-8"))
        Draft202012Validator.check_schema(schema)
    except (OSError, ValueError, SchemaError) as error:
        found = str(error).splitlines()[0][:200]
        raise UnusableInput(Problem("is no JSON Schema", file=str(path), found=found)) from error
    return Draft202012Validator(schema)


def kinds_of(schema: Any, path: str = "") -> Iterator[tuple[str, Kind]]:
    """The kinds that a schema tells of its fields: numbers, and strings that say what is printed.

    A field that says neither is seen in its values.

    >>> dict(kinds_of({"properties": {"total": {"type": "number"}}}))
    {'total': <Kind.AMOUNT: 'amount'>}
    """
    if not isinstance(schema, Mapping):
        return
    kinds = schema.get("type")
    said = {kinds} if isinstance(kinds, str) else set(kinds or ())
    form, printed = schema.get("format"), schema.get("printed")
    if said & {"number", "integer"} or form == "amount" or printed in _NUMBERS:
        yield path, Kind.AMOUNT
    elif "date" in (form, printed):
        yield path, Kind.DATE
    for name, inner in (schema.get("properties") or {}).items():
        yield from kinds_of(inner, f"{path}.{name}" if path else name)
    if "items" in schema:
        yield from kinds_of(schema["items"], f"{path}[]")

"""What a JSON Schema of a shape of one's own tells of its fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from erniekit_finetuning.confidence.kinds import Kind

_NUMBERS = ("amount", "number", "rate")


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

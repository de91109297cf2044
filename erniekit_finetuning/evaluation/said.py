"""What an answer says, ready to be compared: values by field, and lists of items."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import Any, NamedTuple

from erniekit_finetuning.confidence.fields import COLUMNS, FIELDS, kind_of
from erniekit_finetuning.confidence.kinds import Kind
from erniekit_finetuning.evaluation.values import Value, of_json, of_print
from erniekit_finetuning.invoice.model import Invoice

LINES = "lines[]"
# What a model says of itself is judged by its own scores, not as fields.
_ABOUT = ("validation_summary", "confidence_scores")
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")

Item = Mapping[str, Value]
Kinds = Mapping[str, Kind]  # by field; `items[].price` is a column


class Said(NamedTuple):
    """`fields` by path; `groups` by path, each a list of items: `lines[]`, `menu[]`."""

    fields: dict[str, Value]
    groups: dict[str, list[Item]]


NOTHING = Said({}, {})

_HEAD = [(field, kind_of(field), attrgetter(field)) for field in FIELDS]
_LINE = [(name, kind_of(f"lines[].{name}"), attrgetter(name)) for name in COLUMNS]


def in_invoice(invoice: Invoice) -> Said:
    """The values of a typed invoice in which no print stands twice (`response.printed_once`)."""
    fields = {field: of_print(get(invoice), kind) for field, kind, get in _HEAD}
    lines: list[Item] = [
        _filled({name: of_print(get(line), kind) for name, kind, get in _LINE})
        for line in invoice.lines
    ]
    return Said(_filled(fields), {LINES: lines} if lines else {})


def with_unknown(said: Said, data: Mapping[str, Any], unknown: tuple[str, ...]) -> Said:
    """What an answer says, with the values under keys that its shape does not have."""
    extra = {
        name: value
        for path in unknown
        if not path.startswith(_ABOUT)
        for name, value in _leaves(_at(data, path), path)
    }
    return Said(said.fields | extra, said.groups)


def in_json(data: Mapping[str, Any], kinds: Kinds | None = None) -> Said:
    """The values of any JSON object, by the paths of their keys.

    A list of objects is a group, a list of values a group of one column; a list inside an item has
    its place in its path. Kinds of fields that `kinds` does not tell are seen in each value.
    """
    fields: dict[str, Value] = {}
    groups: dict[str, list[Item]] = {}
    wanted = kinds or {}

    def walk(value: Any, path: str) -> None:
        if isinstance(value, Mapping):
            for key, child in value.items():
                walk(child, f"{path}.{key}" if path else str(key))
        elif isinstance(value, list):
            group = f"{path}[]"
            items: list[Item] = [
                {
                    name.removeprefix(group).removeprefix("."): leaf
                    for name, leaf in _leaves(item, group, wanted)
                }
                for item in value
            ]
            if items:
                groups[group] = items
        elif (leaf := of_json(value, wanted.get(path))) is not None:
            fields[path] = leaf

    walk({key: value for key, value in data.items() if key not in _ABOUT}, "")
    return Said(fields, groups)


def _leaves(value: Any, path: str, kinds: Kinds | None = None) -> Iterator[tuple[str, Value]]:
    if isinstance(value, Mapping):
        for key, child in value.items():
            yield from _leaves(child, f"{path}.{key}", kinds)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _leaves(child, f"{path}[{index}]", kinds)
    elif (leaf := of_json(value, (kinds or {}).get(path))) is not None:
        yield path, leaf


def _at(data: Any, path: str) -> Any:
    for name, index in _STEP.findall(path):
        try:
            data = data[name] if name else data[int(index)]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _filled(values: Mapping[str, Value | None]) -> dict[str, Value]:
    return {name: value for name, value in values.items() if value is not None}

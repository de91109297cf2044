"""Documents as the text that documents/ reads, with what they say; cached on disk in shards."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

SHARD = 500
Form = Literal["drawn", "set"]
FORMS: tuple[Form, ...] = get_args(Form)


def exact_key(form: Form) -> str:
    """The metric of a run: the share of held-out documents of a form right to the letter."""
    return f"{form}_exact"


@dataclass(frozen=True)
class Labelled:
    """A document's text and what it says.

    `data` is its structured_data, `extras` are further prints by name, `values` the ISO date or
    plain number of each print that has one.
    """

    text: str
    data: Mapping[str, Any]
    extras: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)

    def asked(self) -> Iterator[str]:
        """Every row of what the text may be asked for."""
        return printed_rows([self.data, self.extras])

    def complete(self) -> bool:
        """Whether all of it stands in the text."""
        return all(row in self.text for row in self.asked())

    def changed(self, change: Callable[[str], str]) -> Labelled:
        """The document with its text and all its prints changed."""
        return Labelled(
            change(self.text),
            _each(change, self.data),
            _each(change, self.extras),
            {change(print_): value for print_, value in self.values.items()},
        )


def _each(change: Callable[[str], str], said: Any) -> Any:
    """Every string below a value changed."""
    if isinstance(said, str):
        return change(said)
    if isinstance(said, Mapping):
        return {key: _each(change, value) for key, value in said.items()}
    return [_each(change, value) for value in said] if isinstance(said, list) else said


def shard(folder: Path, start: int) -> Path:
    """The file of the `SHARD` documents from `start` on."""
    return folder / f"{start:07d}.jsonl"


def rows(folder: Path) -> Iterator[str]:
    """Every cached document as its JSON, in order: a tenth of the memory of what it holds."""
    for file in sorted(folder.glob("*.jsonl")):
        with file.open(encoding="utf-8") as lines:
            yield from lines


def labelled(row: str) -> Labelled:
    """The document of a cached row."""
    return Labelled(**json.loads(row))


def read(folder: Path) -> Iterator[Labelled]:
    """Every cached document, in order."""
    return map(labelled, rows(folder))


def prints(data: Any) -> Iterator[str]:
    """Every string below a value."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, Mapping):
        for value in data.values():
            yield from prints(value)
    elif isinstance(data, list):
        for value in data:
            yield from prints(value)


def printed_rows(data: Any) -> Iterator[str]:
    """Every row of the strings below a value."""
    for print_ in prints(data):
        yield from print_.split("\n")

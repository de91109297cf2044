"""The parts that a schema of answers is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from erniekit_finetuning.data.schemas.mode import Decoding

MOST_ITEMS = 100  # of a list that names no bound


class Print(StrEnum):
    """What sort of print a string is: `text` one row, `rows` several, the others by their shape."""

    TEXT = "text"
    ROWS = "rows"
    DATE = "date"
    AMOUNT = "amount"
    NUMBER = "number"
    RATE = "rate"
    CURRENCY = "currency"
    IDENTIFIER = "identifier"
    TAX_ID = "tax_id"


@dataclass(frozen=True)
class _Nullable:
    def or_null(self) -> Node:
        """The same, or null."""
        return replace(self, nullable=True)  # type: ignore[return-value, call-arg]


@dataclass(frozen=True)
class Text(_Nullable):
    """A string as printed. `longest`: characters; `grounding` overrides the answer's mode."""

    printed: Print = Print.TEXT
    longest: int | None = None
    nullable: bool = False
    grounding: Decoding | None = None


@dataclass(frozen=True)
class Day(_Nullable):
    """An ISO date."""

    nullable: bool = False
    grounding: Decoding | None = None


@dataclass(frozen=True)
class Number(_Nullable):
    """A JSON number; `whole`: an integer."""

    whole: bool = False
    nullable: bool = False
    grounding: Decoding | None = None


@dataclass(frozen=True)
class Choice:
    """One of some values, each as its JSON text; these need no document."""

    values: tuple[str, ...]

    def or_null(self) -> Choice:
        """The same, or null."""
        return Choice(tuple(dict.fromkeys((*self.values, "null"))))


@dataclass(frozen=True)
class Object(_Nullable):
    """All members, in their order."""

    members: tuple[tuple[str, Node], ...]
    nullable: bool = False


@dataclass(frozen=True)
class Array(_Nullable):
    """`fewest` to `most` items."""

    items: Node
    fewest: int = 0
    most: int = MOST_ITEMS
    nullable: bool = False


Leaf = Text | Day | Number | Choice
Node = Leaf | Object | Array


def under(path: str, key: str) -> str:
    """The path of a key below a path, which is "" for the whole answer."""
    return f"{path}.{key}" if path else key

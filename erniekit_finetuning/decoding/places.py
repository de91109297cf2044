"""Every value of an answer with all its places in the document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from erniekit_finetuning.data.schemas.mode import Decoding
from erniekit_finetuning.data.schemas.tree import (
    Array,
    Choice,
    Day,
    Leaf,
    Node,
    Object,
    Text,
    under,
)
from erniekit_finetuning.decoding.candidates import Candidates, candidates, shortest_number
from erniekit_finetuning.documents.locate import Found, Locator
from erniekit_finetuning.documents.model import Document
from erniekit_finetuning.documents.text import document_text
from erniekit_finetuning.errors import Problem, UnusableInput, brief
from erniekit_finetuning.invoice.model import bounded


@dataclass(frozen=True)
class Placed:
    """A leaf of an answer: `lines[0].price`.

    `places` are all places in reading order where the document prints it, or for a normalised date
    or number all prints that it can come from; () for null, for a value of an enum, true and false,
    and for what stands nowhere. `expected`: the document should print it, being neither of these
    nor of a field with grounding off.
    """

    path: str
    value: Any
    expected: bool
    places: tuple[Found, ...]


def placed(answer: Mapping[str, Any], schema: Object, document: Document) -> tuple[Placed, ...]:
    """The leaves that an answer has, in the schema's order; numbers of any Python type.

    A key that is left out, as in a truncated answer, is passed over. Raises UnusableInput with all
    keys and values that the schema has no place for.
    """
    found = list(_leaves(answer, schema, ""))
    problems = [one for one in found if isinstance(one, Problem)]
    if problems:
        raise UnusableInput(problems)
    locator, meanings = Locator(document), candidates(document_text(document))
    return tuple(
        Placed(
            path, value, _expected(value, leaf), _places(_prints(value, leaf, meanings), locator)
        )
        for path, value, leaf in (one for one in found if not isinstance(one, Problem))
    )


def _leaves(value: Any, node: Node, path: str) -> Iterator[tuple[str, Any, Leaf] | Problem]:
    if isinstance(node, Object | Array) and node.nullable and value is None:
        yield path, None, Choice(("null",))
    elif isinstance(node, Object):
        if not isinstance(value, Mapping):
            yield Problem("not an object", field=path, found=brief(value))
            return
        for key in value.keys() - dict(node.members).keys():
            yield Problem("not in the schema", field=under(path, key))
        for key, part in node.members:
            if key in value:
                yield from _leaves(value[key], part, under(path, key))
    elif isinstance(node, Array):
        if not isinstance(value, list | tuple):
            yield Problem("not a list", field=path, found=brief(value))
            return
        for index, item in enumerate(value):
            yield from _leaves(item, node.items, f"{path}[{index}]")
    elif isinstance(value, Mapping | list | tuple):
        yield Problem("not a plain value", field=path, found=brief(value))
    else:
        yield path, value, node


def _expected(value: Any, leaf: Leaf) -> bool:
    return value is not None and not isinstance(leaf, Choice) and leaf.grounding != Decoding.OFF


def _prints(value: Any, leaf: Leaf, meanings: Candidates) -> tuple[str, ...]:
    """What the document may print for a value."""
    if value is None or isinstance(leaf, Choice):
        return ()
    if isinstance(leaf, Text):
        return (str(value),)
    if isinstance(leaf, Day):
        return meanings.days.get(f'"{value}"', ())
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return ()
    if not number.is_finite() or not bounded(number):
        return ()
    return meanings.numbers.get(shortest_number(number), ())


def _places(prints: Iterable[str], locator: Locator) -> tuple[Found, ...]:
    found = dict.fromkeys(place for printed in prints for place in locator.found(printed))
    return tuple(sorted(found, key=lambda place: (place.page, place.spans)))

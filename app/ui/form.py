"""A reading as a form: its shape for the browser, its values as text, and both ways back.

Text is what a reviewer sees and types: null is an empty text, a number is as it was written, a
value of an enum its JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from erniekit_finetuning.data.exact_json import exact_json
from erniekit_finetuning.data.schemas.tree import (
    Array,
    Choice,
    Leaf,
    Node,
    Number,
    Object,
    Print,
    Text,
    under,
)
from erniekit_finetuning.invoice.strict_json import exact_number, parse

Title = Callable[[str], str]
"""A path without its indexes, `line_items.quantity`, to the words for it."""


def shape(node: Node, title: Title, path: str = "") -> dict[str, Any]:
    """What the browser needs to draw a form."""
    name = path.rpartition(".")[2]
    told: dict[str, Any] = {"key": name, "title": title(path)}
    match node:
        case Object():
            members = [shape(part, title, under(path, key)) for key, part in node.members]
            return told | {"kind": "object", "members": members}
        case Array():
            item = shape(node.items, title, path) | {"title": ""}
            return told | {"kind": "list", "item": item, "item_title": title(f"{path}[]")}
        case Choice():
            return told | {"kind": "leaf", "choices": list(node.values)}
    rows = isinstance(node, Text) and node.printed is Print.ROWS
    right = isinstance(node, Number) or (isinstance(node, Text) and node.printed in _FIGURES)
    return told | {"kind": "leaf", "rows": rows, "figure": right}


_FIGURES = (Print.AMOUNT, Print.NUMBER, Print.RATE)


def shown(value: Any, node: Node) -> Any:
    """A reading with text in the place of every value, and every key of the shape."""
    if isinstance(node, Object):
        there = value if isinstance(value, Mapping) else {}
        return {key: shown(there.get(key), part) for key, part in node.members}
    if isinstance(node, Array):
        return [shown(item, node.items) for item in value or ()]
    if isinstance(node, Choice):
        said = exact_json(value)
        return said if said in node.values else ""
    return "" if value is None else str(value)


class Field(NamedTuple):
    """A leaf of a form: where it stands, and the words for it."""

    path: str
    title: str


def leaves(form: Mapping[str, Any], text: Any, path: str = "") -> Iterator[tuple[Field, str]]:
    """Every field of a form, drawn by `shape`, with its text."""
    if form["kind"] == "object":
        for part in form["members"]:
            for field, said in leaves(part, text[part["key"]], under(path, part["key"])):
                yield field._replace(title=_within(form["title"], field.title)), said
    elif form["kind"] == "list":
        for index, item in enumerate(text):
            outer = f"{form['item_title']} {index + 1}"
            for field, said in leaves(form["item"], item, f"{path}[{index}]"):
                yield field._replace(title=_within(outer, field.title)), said
    else:
        yield Field(path, form["title"]), text


def _within(outer: str, inner: str) -> str:
    return ": ".join(filter(None, (outer, inner)))


def answered(text: Any, before: Any, node: Node) -> Any:
    """What a form says as an answer; `before` is the reading, kept where its text was not touched.

    Nothing is repaired: a text that is no number stays a text, for the store to refuse.
    """
    if text == shown(before, node):
        return before
    if isinstance(node, Object):
        text, there = _mapping(text), before if isinstance(before, Mapping) else {}
        return {
            key: answered(text[key], there.get(key), part)
            for key, part in node.members
            if key in text
        }
    if isinstance(node, Array):
        if not isinstance(text, list):
            return text
        return [_of_text(item, node.items) for item in text]
    return _leaf(text, node)


def correction(answer: Any, before: Any) -> dict[str, Any]:
    """The fields of an answer that are not as before; lists are whole."""
    there = before if isinstance(before, Mapping) else {}
    changed: dict[str, Any] = {}
    for key, value in answer.items():
        if isinstance(value, Mapping):
            if inner := correction(value, there.get(key)):
                changed[key] = inner
        elif value != there.get(key) or str(value) != str(there.get(key)):  # 5.00 is not 5.0
            changed[key] = value
    return changed


def _of_text(text: Any, node: Node) -> Any:
    """An item of a list as an answer, all of it by its text."""
    if isinstance(node, Object):
        text = _mapping(text)
        return {key: _of_text(text[key], part) for key, part in node.members if key in text}
    if isinstance(node, Array):
        return [_of_text(item, node.items) for item in text] if isinstance(text, list) else text
    return _leaf(text, node)


def _leaf(text: Any, node: Leaf) -> Any:
    if isinstance(node, Choice):
        return parse(text, exact_number) if text in node.values else text
    if text == "" and node.nullable:
        return None
    if isinstance(node, Number):
        return _number(text)
    return text


def _number(text: Any) -> Any:
    try:
        return exact_number(text) if Decimal(text).is_finite() else text
    except (InvalidOperation, TypeError, ValueError):
        return text


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

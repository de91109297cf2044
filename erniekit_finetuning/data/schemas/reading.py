"""A JSON Schema as a small tree that grammars are written from.

The subset that docs/decoding.md lists. Whatever else would change what is allowed is a fault, and
all faults of a schema are told at once, each with its path.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple, TypeVar

from erniekit_finetuning.data.pair import compact
from erniekit_finetuning.data.schemas.mode import Decoding
from erniekit_finetuning.data.schemas.tree import (
    MOST_ITEMS,
    Array,
    Choice,
    Day,
    Node,
    Number,
    Object,
    Print,
    Text,
)
from erniekit_finetuning.errors import Problem, UnusableInput, brief
from erniekit_finetuning.invoice.answer_schema import answer_schema

MOST_NODES = 5000  # $refs that refer to each other twice grow without end
DEEPEST = 100  # steps of a path; Python's own recursion ends at about ten times that
E = TypeVar("E", bound=StrEnum)

_NOTES = {
    "title", "description", "examples", "default", "deprecated", "readOnly", "writeOnly",
    "$schema", "$id", "$comment", "$defs",
}  # fmt: skip
_KEYWORDS = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"printed", "format", "maxLength"},
    "number": set[str](),
    "integer": set[str](),
    "boolean": set[str](),
    "null": set[str](),
}
_TYPES = ", ".join(_KEYWORDS) + ', or a list of one of them and "null"'
_UNSAID = object()
_NOTHING = Choice(("null",))  # stands where a fault was found
_REFERENCE = "#/$defs/"


def answer_tree(schema: Any) -> Object:
    """The tree of a schema; raises UnusableInput with all faults, each with its JSON path."""
    reader = _Reader(schema)
    tree = reader.node(schema, _At())
    if not reader.faults and (not isinstance(tree, Object) or tree.nullable):
        reader.fault(_At("$.type"), "an answer is an object", expected="object")
    if reader.faults or not isinstance(tree, Object):
        raise UnusableInput(reader.faults)
    return tree


@cache
def own_answer(full_analysis: bool = False) -> Object:
    """The tree of answers of our own shape."""
    return answer_tree(answer_schema(full_analysis))


def plain_schema(schema: Any) -> Any:
    """The same without our annotations `printed` and `grounding`, for services that refuse them.

    >>> plain_schema({"properties": {"printed": {"type": "string", "printed": "rows"}}})
    {'properties': {'printed': {'type': 'string'}}}
    """
    if isinstance(schema, list):
        return [plain_schema(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {
        key: {name: plain_schema(inner) for name, inner in value.items()}
        if key in ("properties", "$defs") and isinstance(value, Mapping)
        else plain_schema(value)
        for key, value in schema.items()
        if key not in ("printed", "grounding")
    }


class _At(NamedTuple):
    """Where a part stands, and what it inherits."""

    path: str = "$"
    grounding: Decoding | None = None
    refs: tuple[str, ...] = ()  # the $refs that it stands in

    def into(self, step: str) -> _At:
        return self._replace(path=f"{self.path}.{step}")


class _Reader:
    def __init__(self, root: Any) -> None:
        self.faults: list[Problem] = []
        self._root = root
        self._nodes = 0

    def fault(self, at: _At, what: str, found: Any = _UNSAID, expected: str | None = None) -> Node:
        shown = None if found is _UNSAID else brief(found)
        self.faults.append(Problem(what, field=at.path, found=shown, expected=expected))
        return _NOTHING

    def node(self, schema: Any, at: _At) -> Node:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            if self._nodes == MOST_NODES + 1:
                self.fault(at, "the schema is too large", expected=f"at most {MOST_NODES:,} parts")
            return _NOTHING
        if at.path.count(".") > DEEPEST:
            return self.fault(_At(at.path[:60]), "nested too deeply", expected=f"{DEEPEST} steps")
        if not isinstance(schema, Mapping):
            return self.fault(at, "no schema", schema, "an object")
        at = at._replace(grounding=self._choice(schema, "grounding", Decoding, at) or at.grounding)
        if "$ref" in schema:
            self._known(schema, {"$ref"}, at)
            return self._referred(schema["$ref"], at)
        if "anyOf" in schema:
            self._known(schema, {"anyOf"}, at)
            return self._optional(schema["anyOf"], at)
        if "enum" in schema or "const" in schema:
            self._known(schema, {"enum", "const", "type"}, at)
            return self._values(schema, at)
        return self._typed(schema, at)

    def _typed(self, schema: Mapping[str, Any], at: _At) -> Node:
        said = schema.get("type")
        kinds = [said] if isinstance(said, str) else said if isinstance(said, list) else []
        others = [kind for kind in kinds if kind != "null"]
        if not kinds or len(others) > 1 or not all(kind in _KEYWORDS for kind in map(str, kinds)):
            return self.fault(at.into("type"), "no type", said, _TYPES)
        kind = others[0] if others else "null"
        self._known(schema, {"type", *_KEYWORDS[kind]}, at)
        made = self._of_kind(kind, schema, at)
        return made.or_null() if "null" in kinds else made

    def _of_kind(self, kind: str, schema: Mapping[str, Any], at: _At) -> Node:
        if kind == "object":
            return self._object(schema, at)
        if kind == "array":
            return self._array(schema, at)
        if kind == "string":
            return self._string(schema, at)
        if kind in ("number", "integer"):
            return Number(kind == "integer", grounding=at.grounding)
        return Choice(("true", "false") if kind == "boolean" else ())

    def _object(self, schema: Mapping[str, Any], at: _At) -> Node:
        named = schema.get("properties")
        if not isinstance(named, Mapping) or not named:
            return self.fault(at.into("properties"), "no properties", named, "an object of schemas")
        required = schema.get("required", [])
        for name in required if isinstance(required, list) else []:
            if name not in [*named]:
                self.fault(at.into("required"), "no such property", name)
        properties = at.into("properties")
        return Object(
            tuple((name, self.node(part, properties.into(name))) for name, part in named.items())
        )

    def _array(self, schema: Mapping[str, Any], at: _At) -> Node:
        items = self.node(schema.get("items"), at.into("items"))
        fewest = self._count(schema, "minItems", at) or 0
        most = self._count(schema, "maxItems", at)
        most = max(MOST_ITEMS, fewest) if most is None else most
        if most < fewest:
            self.fault(at.into("maxItems"), "less than minItems", most)
        return Array(items, fewest, most)

    def _string(self, schema: Mapping[str, Any], at: _At) -> Node:
        form = schema.get("format", "")
        if form not in ("", "date", "amount"):
            self.fault(at.into("format"), "unknown format", form, "date or amount")
        longest = self._count(schema, "maxLength", at)
        printed = self._choice(schema, "printed", Print, at)
        if form == "date":
            for other in {"printed", "maxLength"} & schema.keys():
                self.fault(at.into(other), "does not go with format: date, which is YYYY-MM-DD")
            return Day(grounding=at.grounding)
        if form == "amount" and printed not in (None, Print.AMOUNT):
            self.fault(at.into("printed"), "contradicts format: amount", printed)
        usual = Print.AMOUNT if form == "amount" else Print.TEXT
        return Text(printed or usual, longest, grounding=at.grounding)

    def _values(self, schema: Mapping[str, Any], at: _At) -> Node:
        values = schema.get("enum", [schema.get("const")])
        if not isinstance(values, list) or not values:
            return self.fault(at.into("enum"), "no values", values, "a list of values")
        if "const" in schema:
            values = [value for value in values if compact(value) == compact(schema["const"])]
            if not values:
                return self.fault(at.into("const"), "not among the enum", schema["const"])
        for value in values:
            if isinstance(value, list | Mapping):
                self.fault(at.into("enum"), "not a plain value", value)
            elif "type" in schema and not _is_of(value, schema["type"]):
                self.fault(at.into("type"), "a value is of another type", value)
        return Choice(tuple(dict.fromkeys(map(compact, values))))

    def _optional(self, some: Any, at: _At) -> Node:
        """`anyOf` of one schema and null, as pydantic writes what may be None."""
        listed = some if isinstance(some, list) else []
        others = [(n, one) for n, one in enumerate(listed) if one != {"type": "null"}]
        if len(others) != 1 or len(listed) != 2:
            return self.fault(at.into("anyOf"), "not supported", some, 'one and {"type": "null"}')
        ((index, inner),) = others
        return self.node(inner, at.into(f"anyOf[{index}]")).or_null()

    def _referred(self, reference: Any, at: _At) -> Node:
        defined = self._root.get("$defs")
        name = str(reference).removeprefix(_REFERENCE)
        found = defined.get(name) if isinstance(defined, Mapping) else None
        if not str(reference).startswith(_REFERENCE) or found is None:
            expected = f"{_REFERENCE}NAME, which this schema defines"
            return self.fault(at.into("$ref"), "refers to nothing", reference, expected)
        if name in at.refs:
            return self.fault(at.into("$ref"), "refers to itself", reference)
        return self.node(found, at._replace(refs=(*at.refs, name)))

    def _known(self, schema: Mapping[str, Any], keywords: set[str], at: _At) -> None:
        for key in sorted(schema.keys() - keywords - _NOTES - {"grounding"}):
            self.fault(at.into(key), "not supported here", expected=", ".join(sorted(keywords)))

    def _count(self, schema: Mapping[str, Any], key: str, at: _At) -> int | None:
        value = schema.get(key)
        if key not in schema or (type(value) is int and value >= 0):
            return value
        self.fault(at.into(key), "no count", value)
        return None

    def _choice(self, schema: Mapping[str, Any], key: str, kind: type[E], at: _At) -> E | None:
        if key not in schema:
            return None
        value = schema[key]
        for one in kind:
            if one == value:
                return one
        self.fault(at.into(key), "unknown", value, ", ".join(kind))
        return None


def _is_of(value: Any, kinds: Any) -> bool:
    """Whether a plain value is of a JSON Schema type or of one of several."""
    if isinstance(value, bool):
        fitting = ["boolean"]
    elif isinstance(value, int | float):
        fitting = ["number", "integer"] if value % 1 == 0 else ["number"]
    else:
        fitting = ["null" if value is None else "string"]
    said = kinds if isinstance(kinds, list) else [kinds]
    return any(kind in fitting for kind in said)

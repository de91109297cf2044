"""Whether JSON keeps a schema of one's own, and the same JSON as a whole answer of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, cast

from jsonschema import ValidationError

from erniekit_finetuning.data.pair import compact
from erniekit_finetuning.data.schemas.own import OwnSchema
from erniekit_finetuning.data.schemas.tree import Array, Choice, Day, Node, Number, Object, under
from erniekit_finetuning.errors import Problem, UnusableInput, brief, joined

_ISO = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True)
class OwnTruth:
    """A document's true answer in a schema of one's own: every key, in the schema's order."""

    data: Mapping[str, Any]
    schema: OwnSchema


@dataclass(frozen=True)
class Kept:
    """A truth, and the paths of keys that the schema has no place for."""

    truth: OwnTruth
    unknown: tuple[str, ...]


def kept(data: Any, schema: OwnSchema) -> Kept:
    """JSON that keeps a schema, as an answer of it; numbers stay as they are.

    A key that is left out is null where the schema allows null. Raises UnusableInput with every
    place that breaks the schema, is left out and must not be null, or is no date or number.
    """
    broken = schema_problems(data, schema)
    if broken:
        raise UnusableInput(broken)
    answer = _Answer()
    made = answer.of(data, schema.tree, "")
    if answer.problems:
        raise UnusableInput(answer.problems)
    return Kept(OwnTruth(made, schema), tuple(answer.unknown))


def answer_problems(data: Any, schema: OwnSchema) -> list[Problem]:
    """Everything that keeps JSON from being a whole answer, which leaves no key out."""
    broken = schema_problems(data, schema)
    if broken:
        return broken
    answer = _Answer(absent_is_null=False)
    answer.of(data, schema.tree, "")
    extra = [Problem("the schema has no place for it", field=path) for path in answer.unknown]
    return [*answer.problems, *extra]


def schema_problems(data: Any, schema: OwnSchema) -> list[Problem]:
    """Everything that breaks a schema, with its path: `lines[0].price`."""
    errors = sorted(schema.validator.iter_errors(data), key=lambda error: error.json_path)
    return list(dict.fromkeys(one for error in errors for one in _problems(error)))


def _problems(error: ValidationError) -> Iterator[Problem]:
    # Attributes of an error are untyped: each may be unset.
    value, said = cast(Any, error.instance), cast(Any, error.validator_value)
    path = joined(error.absolute_path)
    if error.validator == "anyOf":  # a schema, or null
        for inner in error.context or ():
            if inner.validator_value != "null":
                yield from _problems(inner)
    elif error.validator == "required":
        for name in said:
            if name not in value:
                yield Problem("is missing", field=under(path, name))
    elif error.validator == "additionalProperties":
        for name in sorted(value.keys() - cast(Any, error.schema).get("properties", {}).keys()):
            yield Problem("the schema has no place for it", field=under(path, name))
    elif error.validator == "type":
        expected = " or ".join([said] if isinstance(said, str) else said)
        yield Problem("of another type", field=path or "$", found=brief(value), expected=expected)
    elif error.validator in ("enum", "const"):
        expected = ", ".join(map(compact, said if error.validator == "enum" else [said]))
        yield Problem("not one of its values", field=path, found=brief(value), expected=expected)
    else:
        expected = f"{error.validator}: {said}"
        what = "breaks the schema"
        yield Problem(what, field=path or "$", found=brief(value), expected=expected)


class _Answer:
    """A walk along a tree that notes what has no place and what cannot be."""

    def __init__(self, absent_is_null: bool = True) -> None:
        self.problems: list[Problem] = []
        self.unknown: list[str] = []
        self._absent_is_null = absent_is_null

    def of(self, value: Any, node: Node, path: str) -> Any:
        if isinstance(node, Object) and isinstance(value, Mapping):
            members = dict(node.members)
            self.unknown += [under(path, key) for key in value if key not in members]
            return {
                key: self.of(value[key], part, under(path, key))
                if key in value
                else self._absent(part, under(path, key))
                for key, part in node.members
            }
        if isinstance(node, Array) and isinstance(value, list | tuple):
            return [self.of(item, node.items, f"{path}[{at}]") for at, item in enumerate(value)]
        if isinstance(node, Day) and value is not None and not _is_day(value):
            self._fault("not a date", path, value, "YYYY-MM-DD")
        finite = not isinstance(value, float | Decimal) or Decimal(value).is_finite()
        if isinstance(node, Number) and not finite:
            self._fault("not a number", path, value, "a finite one")
        return value

    def _absent(self, node: Node, path: str) -> Any:
        """What stands for a key that is left out; an object without a value has all its keys."""
        nullable = "null" in node.values if isinstance(node, Choice) else node.nullable
        if self._absent_is_null and nullable:
            return None
        if self._absent_is_null and isinstance(node, Object):
            return self.of({}, node, path)
        if not self._absent_is_null:
            self.problems.append(Problem("is missing", field=path))
            return None
        expected = "[] where there is none" if isinstance(node, Array) else "a value"
        what = "is left out and must not be null"
        self.problems.append(Problem(what, field=path, expected=expected))
        return None

    def _fault(self, what: str, path: str, value: Any, expected: str) -> None:
        self.problems.append(Problem(what, field=path, found=brief(value), expected=expected))


def _is_day(value: Any) -> bool:
    try:
        return bool(_ISO.fullmatch(value)) and date.fromisoformat(value) is not None
    except (TypeError, ValueError):
        return False

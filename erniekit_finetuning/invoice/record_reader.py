"""Reads JSON objects by tables of keys, and keeps every problem with its field."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, TypeVar

from erniekit_finetuning.errors import Problem, brief
from erniekit_finetuning.invoice.model import MAX_PRINT, Printed, exact

Table = dict[str, tuple[str, type]]  # key -> (field of the model, type of its value)
E = TypeVar("E", bound=StrEnum)


class RecordReader:
    """Reads the parts of one record; what is wrong with it is in `problems`."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def objects(
        self, data: Mapping[str, Any], name: str, table: Table
    ) -> tuple[dict[str, Any], ...]:
        """The fields of every object of a list; () without one."""
        items = enumerate(self.list(data, name, ""))
        return tuple(self.object(item, table, f"{name}[{index}]") for index, item in items)

    def list(self, data: Mapping[str, Any], name: str, path: str) -> list[Any]:
        """The items of a list; [] without one."""
        value = data.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self._problem("not a list", path + name, value, "a list")
            return []
        return value

    def object(
        self, value: Any, table: Table, path: str, more: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        """The fields of an object that may have the table's keys and `more`; {} without one."""
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self._problem("not an object", path, value, "an object")
            return {}
        self.known(value, {*table, *more}, f"{path}.")
        return self.fields(value, table, f"{path}.")

    def fields(self, data: Mapping[str, Any], table: Table, path: str) -> dict[str, Any]:
        """The model's fields that are there, typed."""
        found = {}
        for key, (field, kind) in table.items():
            if data.get(key) is not None:
                leaf = self._leaf(data[key], kind, path + key)
                if leaf is not None:
                    found[field] = leaf
        return found

    def known(self, data: Mapping[str, Any], keys: set[str], path: str) -> None:
        """Note the keys that nothing reads."""
        for key in data.keys() - keys:
            near = get_close_matches(str(key)[:60], keys, 1)
            self.problems.append(
                Problem(
                    "unknown key",
                    field=f"{path}{key}"[:200],
                    cure=f"did you mean {near[0]}?" if near else None,
                )
            )

    def one_of(self, kind: type[E], value: Any, path: str) -> E | None:
        """A member by its value."""
        if value is None:
            return None
        try:
            return kind(value)
        except ValueError:
            self._problem("not known", path, value, " or ".join(one.value for one in kind))
            return None

    def _leaf(self, value: Any, kind: type, path: str) -> Printed[Any] | None:
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            self._problem("not exact", path, value, "a string")
            return None
        if len(value) > MAX_PRINT:
            found = f"{len(value):,} characters"
            self.problems.append(Problem("too long", field=path, found=found))
            return None
        if kind is str:
            return self._text(value, path)
        if kind is date:
            return self._date(value, path)
        number = exact(value)
        if number is None:
            self._problem("not an amount", path, value, "a decimal number such as 12.50")
            return None
        return Printed[Decimal](printed=value, value=number)

    def _text(self, value: str, path: str) -> Printed[str] | None:
        if not value.isprintable() and any("\ud800" <= char <= "\udfff" for char in value):
            self._problem("not Unicode text", path, value.encode("ascii", "replace"), "text")
            return None
        return Printed[str](printed=value, value=value)

    def _date(self, value: str, path: str) -> Printed[date] | None:
        try:
            return Printed[date](printed=value, value=date.fromisoformat(value))
        except ValueError:
            self._problem("not a date", path, value, "a date such as 2025-04-03")
            return None

    def _problem(self, what: str, path: str, value: Any, expected: str) -> None:
        self.problems.append(Problem(what, field=path, found=brief(value), expected=expected))

"""Typed values out of XML elements, by tables of paths; every problem is collected, none repaired.

A table gives, for each field of the model, its type and where it stands: local names joined by
"/", alternatives separated by " | ". Namespaces are not compared: the root has settled them.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

from lxml import etree

from erniekit_finetuning.errors import Problem
from erniekit_finetuning.invoice.model import MAX_PRINT, Printed, exact

Table = dict[str, tuple[type, str]]
Element = etree._Element  # lxml's public functions give it; it has no public name

_DAY = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:Z|[+-]\d\d:\d\d|T[\d:.]+)?", re.ASCII)


def found(element: Element, path: str) -> list[Element]:
    """The elements at a path of local names."""
    return element.findall("/".join(f"{{*}}{name}" for name in path.split("/")))


class XmlFields:
    """Reads values and keeps what is wrong with them in `problems`."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def values(self, element: Element | None, table: Table) -> dict[str, Any]:
        """The model's fields that are there, typed."""
        read: dict[str, Any] = {}
        for field, (kind, paths) in table.items():
            value = None if element is None else self.value(element, kind, paths)
            if value is not None:
                read[field] = value
        return read

    def value(self, element: Element, kind: type, paths: str) -> Printed[Any] | None:
        """The first element that is there, of the alternatives in their order."""
        for path in paths.split(" | "):
            for leaf in found(element, path):
                return self.leaf(leaf, kind)
        return None

    def leaf(
        self, element: Element, kind: type, attribute: str | None = None
    ) -> Printed[Any] | None:
        """One element's text, or one of its attributes; None when it says nothing."""
        text = element.get(attribute) if attribute else element.text
        printed = (text or "").strip()
        if len(printed) > MAX_PRINT:
            found = f"{len(printed):,} characters"
            self.wrong(element, "too long", found, f"at most {MAX_PRINT:,}")
            return None
        if kind is str:
            value = " ".join(printed.split())
            return Printed[str](printed=printed, value=value) if value else None
        return self._number(element, printed) if kind is Decimal else self._day(element, printed)

    def block(self, element: Element, rows: tuple[tuple[str, ...], ...]) -> Printed[str] | None:
        """A block of text such as an address, a line a row of paths."""
        lines = []
        for row in rows:
            values = [self.value(element, str, path) for path in row]
            lines.append(" ".join(str(value.value) for value in values if value is not None))
        text = "\n".join(line for line in lines if line)
        return Printed[str](printed=text, value=text) if text else None

    def flag(self, element: Element, path: str) -> bool | None:
        """An xs:boolean; a problem and None when it is missing or neither true nor false."""
        for leaf in found(element, path):
            text = (leaf.text or "").strip()
            if text in ("true", "false", "1", "0"):
                return text in ("true", "1")
            self.wrong(leaf, "not true or false", text)
            return None
        self.wrong(element, f"{path} is missing", expected="true or false")
        return None

    def wrong(
        self, element: Element, what: str, found: str | None = None, expected: str | None = None
    ) -> None:
        """Note a problem with the element's path and line."""
        self.problems.append(
            Problem(
                what,
                line=int(str(element.sourceline)),
                field=_path(element),
                found=None if found is None else repr(found[:60]),
                expected=expected,
            )
        )

    def _number(self, element: Element, text: str) -> Printed[Decimal] | None:
        number = exact(text)
        if number is None:
            self.wrong(element, "not an amount", text, "a decimal number such as 12.50")
            return None
        return Printed[Decimal](printed=text, value=number)

    def _day(self, element: Element, text: str) -> Printed[date] | None:
        match = _DAY.fullmatch(text)
        try:
            if match is None:
                raise ValueError
            day = date(*(int(part) for part in match.groups()))
        except ValueError:
            self.wrong(element, "not a date", text, "a date such as 2025-04-03 or 20250403")
            return None
        return Printed[date](printed=text, value=day)


def _path(element: Element) -> str:
    names = [element, *element.iterancestors()]
    return "/".join(etree.QName(one).localname for one in reversed(names))

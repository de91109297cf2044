"""Printed numbers to Decimal: every reading a print allows, and a document's decimal mark."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

_MAX_LENGTH = 64  # no amount is longer; keeps hostile prints cheap
_MINUS = "-−–"
_FORM = re.compile(
    r"(?P<before>[^\d.,()\-−–]*)(?P<sign>[-−–]?)\s*(?P<currency>[^\d.,()\-−–]*)"
    r"(?P<body>\d[\d.,'’\s]*|[.,]\d+)(?P<after>[^\d.,()]*)"
)
_GROUPED = re.compile(r"\d{1,3}(?:[.,'’\s]\d{3})+|\d{1,3}(?:[.,'’\s]\d{2})*[.,'’\s]\d{3}")


def readings(printed: str) -> dict[str, Decimal]:
    """What a printed number may be, by decimal mark ("." or ",").

    Both marks give the same value when the print is clear; {} when it is not a number.

    >>> readings("1.234,50 €")
    {',': Decimal('1234.50')}
    >>> readings("1.234")
    {'.': Decimal('1.234'), ',': Decimal('1234')}
    >>> readings("(12)")
    {'.': Decimal('-12'), ',': Decimal('-12')}
    """
    text = printed.strip()
    if not 0 < len(text) <= _MAX_LENGTH:
        return {}
    accounting = text.startswith("(") and text.endswith(")")
    match = _FORM.fullmatch(text[1:-1] if accounting else text)
    if match is None:
        return {}
    trailing = match["after"].strip()[:1]
    negative = accounting or bool(match["sign"]) or (trailing != "" and trailing in _MINUS)
    found: dict[str, Decimal] = {}
    for mark in ".,":
        value = _read(match["body"].strip(), mark)
        if value is not None:
            found[mark] = -value if negative else value
    return found


def decimal_mark(prints: Iterable[str]) -> str | None:
    """The decimal mark a document's numbers agree on; None when nothing decides or they disagree.

    A print votes when only one mark reads it: "1,50" says comma, "1.234" says nothing.
    """
    votes = {next(iter(found)) for found in map(readings, prints) if len(found) == 1}
    return votes.pop() if len(votes) == 1 else None


def _read(body: str, mark: str) -> Decimal | None:
    whole, found, fraction = body.partition(mark)
    if found and not (fraction.isascii() and fraction.isdigit()):
        return None
    if not whole:
        whole = "0"
    if not whole.isdigit() and not _GROUPED.fullmatch(whole):
        return None
    digits = re.sub(r"\D", "", whole)
    if len({char for char in whole if not char.isdigit()} - {" "}) > 1:
        return None
    return Decimal(f"{digits}.{fraction}" if found else digits)

"""What a document's prints can mean: every date and every number that our readers read in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from erniekit_finetuning.decoding.units import rows
from erniekit_finetuning.invoice import amounts, dates

_LONGEST_DATE = 45  # characters
_LONGEST_NUMBER = 30
_FEWEST_DIGITS = 3  # of a date: day and two digits of a year
_MOST_DIGITS = 16
# Letters that OCR takes digits for leave a print the look of what it is.
_MISREAD_DATE = re.compile(r"[\dOolISBZ]{1,4}([./-])[\dOolISBZ]{1,2}\1[\dOolISBZ]{2,4}")
_MISREAD_AMOUNT = re.compile(r"-?[\d.,'’OolISBZG]*\d[\d.,'’OolISBZG]*[.,][\dOolISBZG]{2}")
_DATE = re.compile(r"\d{1,2}\.\d{1,2}\.\d{4}|\d{4}-\d{2}-\d{2}")  # a reader of amounts takes them

Prints = Mapping[str, tuple[str, ...]]  # by JSON text


@dataclass(frozen=True)
class Candidates:
    """JSON texts of normalised values, each with the shortest prints that it can come from.

    `days` with their quotes. A number stands with the decimals as printed and without trailing
    zeros; `whole` has those that are integers. `dates` and `amounts` are the prints themselves,
    with those that are such but for a misread letter.
    """

    days: Prints
    numbers: Prints
    whole: Prints
    dates: tuple[str, ...]
    amounts: tuple[str, ...]


@lru_cache(maxsize=16)  # a schema's grammar and its values' places ask for the same document
def candidates(document_text: str) -> Candidates:
    """All plausible readings: 03/04/2025 gives two days, 1.234 two numbers."""
    days: dict[str, dict[str, None]] = {}
    numbers: dict[str, dict[str, None]] = {}
    whole: dict[str, dict[str, None]] = {}
    dated: dict[str, None] = {}
    valued: dict[str, None] = {}
    for row in rows(document_text):
        for printed in _windows(row, _LONGEST_DATE):
            read = _days(printed)
            for day in read:
                days.setdefault(f'"{day}"', {})[printed] = None
            if read or _MISREAD_DATE.fullmatch(printed):
                dated[printed] = None
        for printed in _windows(row, _LONGEST_NUMBER):
            figures = _values(printed)
            if _is_amount(printed, bool(figures)):
                valued[printed] = None
            for value in figures:
                for text in _written(value):
                    numbers.setdefault(text, {})[printed] = None
                if value == value.to_integral_value():
                    whole.setdefault(f"{value:.0f}", {})[printed] = None
    return Candidates(_frozen(days), _frozen(numbers), _frozen(whole), tuple(dated), tuple(valued))


def _is_amount(printed: str, read: bool) -> bool:
    if not read:
        return _MISREAD_AMOUNT.fullmatch(printed) is not None
    return not _DATE.fullmatch(printed)


def _frozen(found: Mapping[str, Mapping[str, None]]) -> Prints:
    return {text: tuple(_shortest(prints)) for text, prints in found.items()}


def _shortest(prints: Mapping[str, None]) -> list[str]:
    """Without those that hold another: EUR 5.00 says no more of a number than 5.00."""
    kept: list[str] = []
    for printed in sorted(prints, key=len):
        if not any(shorter in printed for shorter in kept):
            kept.append(printed)
    return kept


def _windows(units: list[str], longest: int) -> Iterator[str]:
    """Runs of units that hold a digit and do not start or end in a space."""
    digits = [any(map(str.isdecimal, unit)) for unit in units]
    for first, unit in enumerate(units):
        if unit.isspace():
            continue
        text, held = "", False
        for last in range(first, len(units)):
            text += units[last]
            if len(text) > longest:
                break
            held = held or digits[last]
            if held and not units[last].isspace():
                yield text


@lru_cache(maxsize=65536)
def _days(printed: str) -> tuple[str, ...]:
    if not _FEWEST_DIGITS <= sum(map(str.isdecimal, printed)) <= _MOST_DIGITS:
        return ()
    return tuple(dict.fromkeys(map(str, dates.readings(printed).values())))


@lru_cache(maxsize=65536)
def _values(printed: str) -> tuple[Decimal, ...]:
    # abs: JSON readers tell -0 from 0, invoices do not.
    return tuple(
        {value if value else abs(value): None for value in amounts.money(printed).values()}
    )


def _written(value: Decimal) -> set[str]:
    """A number as JSON, with its decimals and without trailing zeros."""
    return {f"{value:f}", shortest_number(value)}


def shortest_number(value: Decimal) -> str:
    """A number as JSON without trailing zeros, under which `numbers` and `whole` have it.

    >>> shortest_number(Decimal("12.50")), shortest_number(Decimal("100"))
    ('12.5', '100')
    """
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text

"""What a document's prints can mean: every date, number, currency and tax id that it holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from erniekit_finetuning.data.schemas.tree import Print
from erniekit_finetuning.decoding.units import ROW_END, rows
from erniekit_finetuning.invoice import amounts, dates
from erniekit_finetuning.invoice.currencies import currency_readings

_LONGEST_DATE = 45  # characters
_LONGEST_NUMBER = 30
_FEWEST_DIGITS = 3  # of a date: day and two digits of a year
_MOST_DIGITS = 16
_LONGEST_CURRENCY = 6
_LONGEST_TAX_ID = 28
_FEWEST_TAX_ID_SIGNS, _MOST_TAX_ID_SIGNS = 8, 20  # letters and digits
_FEWEST_TAX_ID_DIGITS = 7
# Letters that OCR takes digits for leave a print the look of what it is.
_MISREAD_DATE = re.compile(r"[\dOolISBZ]{1,4}([./-])[\dOolISBZ]{1,2}\1[\dOolISBZ]{2,4}")
_MISREAD_AMOUNT = re.compile(r"-?[\d.,'’OolISBZG]*\d[\d.,'’OolISBZG]*[.,][\dOolISBZG]{2}")
# Dates and numbers of articles that readers of amounts take: no sum of nine digits is unparted.
_NO_AMOUNT = re.compile(r"\d{1,2}\.\d{1,2}\.\d{4}|\d{4}-\d{2}-\d{2}|\d{9,}")
# IE1S23456L, FR XX 999 999 999, 27AAPFU0939F1ZV, CHE-123.456.789 MWST
_TAX_ID = re.compile(r"[^\W_]+(?: ?[ ./-] ?[^\W_]+){0,6}")
_LIKE_DIGITS = re.compile(r"[\dOolISBZG]")

LISTED = (Print.DATE, Print.AMOUNT, Print.CURRENCY, Print.TAX_ID)
Prints = Mapping[str, tuple[str, ...]]  # by JSON text


@dataclass(frozen=True)
class Candidates:
    """JSON texts of normalised values, each with the shortest prints that it can come from.

    `days` with their quotes. A number stands with the decimals as printed and without trailing
    zeros; `whole` has those that are integers. `prints` are dates, amounts, currencies and tax ids
    themselves, with those that are such but for a misread letter.
    """

    days: Prints
    numbers: Prints
    whole: Prints
    prints: Mapping[Print, tuple[str, ...]]


@lru_cache(maxsize=16)  # a schema's grammar and its values' places ask for the same document
def candidates(document_text: str) -> Candidates:
    """All plausible readings: 03/04/2025 gives two days, 1.234 two numbers."""
    days: dict[str, dict[str, None]] = {}
    numbers: dict[str, dict[str, None]] = {}
    whole: dict[str, dict[str, None]] = {}
    prints: dict[Print, dict[str, None]] = {kind: {} for kind in LISTED}
    for row in rows(document_text):
        for printed in _windows(row, _LONGEST_CURRENCY, digit=False):
            if currency_readings(printed):
                prints[Print.CURRENCY][printed] = None
        for printed in _windows(row, _LONGEST_TAX_ID):
            if _is_tax_id(printed):
                prints[Print.TAX_ID][printed] = None
        for printed in _windows(row, _LONGEST_DATE):
            read = _days(printed)
            for day in read:
                days.setdefault(f'"{day}"', {})[printed] = None
            if read or _MISREAD_DATE.fullmatch(printed):
                prints[Print.DATE][printed] = None
        for printed in _windows(_without_codes(row), _LONGEST_NUMBER):
            if _is_amount(printed):
                prints[Print.AMOUNT][printed] = None
        for printed in _windows(row, _LONGEST_NUMBER):
            for value in _values(printed):
                for text in _written(value):
                    numbers.setdefault(text, {})[printed] = None
                if value == value.to_integral_value():
                    whole.setdefault(f"{value:.0f}", {})[printed] = None
    listed = {kind: tuple(some) for kind, some in prints.items()}
    return Candidates(_frozen(days), _frozen(numbers), _frozen(whole), listed)


def _is_tax_id(printed: str) -> bool:
    """Whether it has the length and the digits of some country's number, and no word."""
    if not _TAX_ID.fullmatch(printed):
        return False
    parts = re.split(r"[ ./-]+", printed)
    numbers = [part for part in parts if any(map(str.isdecimal, part))]
    return (
        _FEWEST_TAX_ID_SIGNS <= sum(map(len, parts)) <= _MOST_TAX_ID_SIGNS
        and sum(len(_LIKE_DIGITS.findall(part)) for part in numbers) >= _FEWEST_TAX_ID_DIGITS
        and not re.search(r"[^\W\d_]{6}", printed)
    )


def _is_amount(printed: str) -> bool:
    if not _values(printed):
        return _MISREAD_AMOUNT.fullmatch(printed) is not None
    return not _NO_AMOUNT.fullmatch(printed)


def _without_codes(units: list[str]) -> list[str]:
    """A row with its ends at numbers that a slash or hyphen joins: 201/113/40209, 2013-471331."""
    kept = list(units)
    for at in range(len(units) - 2):
        number, mark, other = units[at : at + 3]
        if mark in "/-" and number[0].isdecimal() and other[0].isdecimal():
            kept[at : at + 3] = [ROW_END] * 3
    return kept


def _frozen(found: Mapping[str, Mapping[str, None]]) -> Prints:
    return {text: tuple(_shortest(prints)) for text, prints in found.items()}


def _shortest(prints: Mapping[str, None]) -> list[str]:
    """Without those that hold another: EUR 5.00 says no more of a number than 5.00."""
    kept: list[str] = []
    for printed in sorted(prints, key=len):
        if not any(shorter in printed for shorter in kept):
            kept.append(printed)
    return kept


def _windows(units: list[str], longest: int, digit: bool = True) -> Iterator[str]:
    """Runs of units that hold a digit, or need none, and do not start or end in a space."""
    digits = [any(map(str.isdecimal, unit)) for unit in units]
    for first, unit in enumerate(units):
        if unit.isspace():
            continue
        text, held = "", not digit
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

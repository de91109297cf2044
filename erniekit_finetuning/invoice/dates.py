"""Printed dates to date: every reading a print allows, and a document's day/month order."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import date
from functools import cache

from babel.dates import get_day_names, get_month_names

LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pl", "pt")
_MAX_LENGTH = 40
_FIRST_WORD = re.compile(r"([^\W\d_]+)\.?,?\s+")
_MONTH_FIRST = {"USD", "CAD", "PHP"}
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_NUMERIC = re.compile(r"(\d{1,2})([-/.])\s?(\d{1,2})\2\s?(\d{4}|\d{2})")
_DAY_NAME_YEAR = re.compile(
    r"(\d{1,2})(?:\.|st|nd|rd|th|er|º)?[\s-]+(?:de\s+)?([^\W\d_]+)\.?,?[\s-]+(?:de\s+)?(\d{4}|\d{2})"
)
_NAME_DAY_YEAR = re.compile(r"([^\W\d_]+)\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4}|\d{2})")


def readings(printed: str) -> dict[str, date]:
    """What a printed date may be, by order of its numbers ("dmy", "mdy"); {} when it is no date.

    >>> readings("03/04/2025")
    {'dmy': datetime.date(2025, 4, 3), 'mdy': datetime.date(2025, 3, 4)}
    >>> readings("3. April 2025")
    {'dmy': datetime.date(2025, 4, 3)}
    """
    text = _without_weekday(printed.strip())
    if len(text) > _MAX_LENGTH:
        return {}
    if match := _ISO.fullmatch(text):
        found = {"ymd": _date(match[1], match[2], match[3])}
    elif match := _NUMERIC.fullmatch(text):
        first, _, second, year = match.groups()
        found = {"dmy": _date(year, second, first), "mdy": _date(year, first, second)}
    elif match := _DAY_NAME_YEAR.fullmatch(text):
        found = {"dmy": _date(match[3], _month(match[2]), match[1])}
    elif match := _NAME_DAY_YEAR.fullmatch(text):
        found = {"mdy": _date(match[3], _month(match[1]), match[2])}
    else:
        return {}
    valid = {order: value for order, value in found.items() if value is not None}
    if len(set(valid.values())) == 1:  # 05/05/2025 is the same day in both orders
        order, value = next(iter(valid.items()))
        return {order if len(valid) == 1 else "any": value}
    return valid


def day_order(prints: Iterable[str]) -> str | None:
    """The order that the document's numeric dates agree on; None when nothing decides.

    Only dates whose numbers allow a single order vote: 25/04/2025 says day first. A date with a
    month's name says nothing about how the same document writes numbers.
    """
    votes = set()
    for text in prints:
        found = readings(text)
        if len(found) == 1 and _NUMERIC.fullmatch(text.strip()):
            votes |= found.keys() - {"any"}
    return votes.pop() if len(votes) == 1 else None


def usual_order(currencies: Collection[str]) -> str | None:
    """The order that the countries of these currencies write; None where it is not one.

    Month first is American; Canada and the Philippines write both. Everybody else who writes
    numbers without the year in front puts the day first (CLDR short date patterns).
    """
    if not currencies or _MONTH_FIRST & set(currencies):
        return None
    return "dmy"


def _without_weekday(text: str) -> str:
    first = _FIRST_WORD.match(text)
    return text[first.end() :] if first and first[1].casefold() in _weekdays() else text


def _date(year: str, month: str | int | None, day: str) -> date | None:
    full = int(year) if len(year) == 4 else 2000 + int(year)
    try:
        return date(full, int(month or 0), int(day))
    except ValueError:
        return None


def _month(name: str) -> int | None:
    return _months().get(name.casefold().rstrip("."))


@cache
def _weekdays() -> set[str]:
    return {
        name.casefold().rstrip(".")
        for language in LANGUAGES
        for width in ("wide", "abbreviated")
        for name in get_day_names(width, "format", language).values()
    }


@cache
def _months() -> dict[str, int]:
    """Month names, long and short, of the supported languages."""
    names: dict[str, int] = {"sept": 9}
    for language in LANGUAGES:
        for width in ("wide", "abbreviated"):
            for context in ("format", "stand-alone"):
                for number, name in get_month_names(width, context, language).items():
                    names.setdefault(name.casefold().rstrip("."), number)
    return names

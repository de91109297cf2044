"""Printed dates to date: every reading a print allows, and a document's order of day and month."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import get_date_format

from erniekit_finetuning.invoice.date_forms import calendar_day, normal
from erniekit_finetuning.invoice.date_names import FILLERS, folded, months, weekdays

ORDERS = ("dmy", "mdy", "ymd")
_MAX_TAG = 35  # characters of a BCP 47 tag
_NO_ORDER = {"USD", "CAD", "PHP"}
_YEAR_FIRST = {"JPY", "CNY", "KRW", "TWD", "HUF"}
_NUMERIC = re.compile(r"(\D*[ .,(])?(\d{1,4}) ?([-/.]) ?(\d{1,2}) ?\3 ?(\d{1,4})(?!\d)(\D*)")
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)")
_NUMBER = re.compile(r"(\d{1,2})(?:st|nd|rd|th|er|:?[aeo])?")
_YEAR = re.compile(r"\d{4}|\d{2}")
_BETWEEN = re.compile(r"[ .,()°॰'’]+|(?<=\d)[-/]|[-/](?=\d)")  # the hyphen of quinta-feira stays
_DECIMAL = re.compile(r"\d[.,]\d{1,2}(?!\d)")


def readings(printed: str) -> dict[str, date]:
    """What a printed date may be, by order of its numbers; {} when it is no date.

    The order is "dmy", "mdy" or "ymd", or "any" where several give the same day. A month's name
    that means different months in different languages gives a reading per language instead.

    >>> readings("03/04/2025")
    {'dmy': datetime.date(2025, 4, 3), 'mdy': datetime.date(2025, 3, 4)}
    >>> readings("Donnerstag, 3. April 2025")
    {'dmy': datetime.date(2025, 4, 3)}
    >>> sorted(readings("3 listopada 2025"))
    ['hr', 'pl']
    """
    core = normal(printed)
    if match := _NUMERIC.fullmatch(core):
        found = _numeric(match)
    elif match := _COMPACT.fullmatch(core):
        found = _valid({"ymd": match.groups()})
    else:
        found = _named(core)
    if len(found) > 1 and len(set(found.values())) == 1:
        return {"any": next(iter(found.values()))}
    return found


def day_order(prints: Iterable[str]) -> str | None:
    """The order that the document's numeric dates agree on; None when nothing decides.

    Only dates whose numbers allow a single order vote: 25/04/2025 says day first. A date with a
    month's name or a year of four digits in front says nothing about how the same document
    writes 03/04/2025.
    """
    votes: set[str] = set()
    for text in prints:
        match = _NUMERIC.fullmatch(normal(text))
        if match and len(match[2]) < 4:
            found = _numeric(match)
            votes |= found.keys() if len(found) == 1 else set()
    return votes.pop() if len(votes) == 1 else None


def usual_order(currencies: Collection[str], language: str | None = None) -> str | None:
    """The order that a language (BCP 47), else the countries of these currencies, usually write.

    None where neither decides: dollars are used everywhere, and American and British "en" differ.

    >>> usual_order(["EUR"]), usual_order(["EUR"], "en-US"), usual_order(["USD"], "en")
    ('dmy', 'mdy', None)
    """
    if language and (order := _language_order(language)):
        return order
    codes = set(currencies)
    if not codes or codes & _NO_ORDER:
        return None
    if codes <= _YEAR_FIRST:
        return "ymd"
    return None if codes & _YEAR_FIRST else "dmy"


def order_by_sequence(
    issue_readings: Mapping[str, date], due_readings: Mapping[str, date], days: Collection[int]
) -> str | None:
    """The only order under which the due date follows the issue date as the terms of payment say.

    `days` are the numbers of days that the terms name. Where they leave no order or several, the
    only order under which the due date is not before the issue date.

    >>> order_by_sequence(readings("01/02/2025"), readings("03/03/2025"), {30})
    'dmy'
    """
    spans = {}
    for order in ORDERS:
        issue, due = _under(order, issue_readings), _under(order, due_readings)
        if issue and due:
            spans[order] = (due - issue).days
    for fits in (
        [order for order, span in spans.items() if span in days],
        [order for order, span in spans.items() if span >= 0],
    ):
        if len(fits) == 1:
            return fits[0]
    return None


def _under(order: str, found: Mapping[str, date]) -> date | None:
    return next(iter(found.values())) if len(found) == 1 else found.get(order)


def _numeric(match: re.Match[str]) -> dict[str, date]:
    before, a, _, b, c, after = match.groups()
    if (before or after) and not _meaningless((before or "") + " " + after):
        return {}
    parts = {}
    if len(c) in (2, 4) and len(a) <= 2:
        parts = {"dmy": (c, b, a), "mdy": (c, a, b)}
    if len(a) in (2, 4) and len(c) <= 2:
        parts["ymd"] = (a, b, c)
    return _valid(parts)


def _meaningless(around: str) -> bool:
    words = re.split(r"[ .,()]+", folded(around))
    return all(word in weekdays() or word in FILLERS for word in words if word)


def _named(core: str) -> dict[str, date]:
    """A day and a year beside a month's name, and at most a weekday before or after."""
    if _DECIMAL.search(core):  # an amount: April 12,50
        return {}
    words = [word for word in _BETWEEN.split(folded(core)) if word and word not in FILLERS]
    found: dict[str, date] = {}
    for three, rest in ((words[:3], words[3:]), (words[-3:], words[:-3])):
        if len(three) == 3 and len(rest) <= 1 and weekdays().issuperset(rest):
            found |= _day_name_year(three)
    return found


def _day_name_year(words: list[str]) -> dict[str, date]:
    first, second, third = words
    if second in months():
        year_first = len(first) == 4 and first.isdigit()  # unlike 21st
        order, name = ("ymd" if year_first else "dmy"), second
        year, day = (first, third) if order == "ymd" else (third, first)
    else:
        order, name, day, year = "mdy", first, second, third
    number = _NUMBER.fullmatch(day)
    if not number or not _YEAR.fullmatch(year):
        return {}
    means = months().get(name, {})
    found = _valid({language: (year, str(month), number[1]) for language, month in means.items()})
    days = set(found.values())
    return {order: days.pop()} if len(days) == 1 else found


def _valid(parts: Mapping[str, tuple[str, ...]]) -> dict[str, date]:
    """The days that exist, of year, month and day by order."""
    days = {
        order: calendar_day(year, int(month), day) for order, (year, month, day) in parts.items()
    }
    return {order: day for order, day in days.items() if day}


@lru_cache(maxsize=256)
def _language_order(tag: str) -> str | None:
    """The order of the short date pattern that CLDR gives for a language tag."""
    try:
        locale = Locale.parse(tag[:_MAX_TAG].replace("_", "-"), sep="-")
    except (ValueError, UnknownLocaleError):
        return None
    if locale.language == "en" and not locale.territory:
        return None
    pattern = get_date_format("short", locale).pattern
    return "".join(sorted("dMy", key=pattern.find)).lower()

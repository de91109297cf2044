"""Printed dates to one plain form: ASCII spaces and digits, Gregorian years, no time."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

_MAX_LENGTH = 40
_ERAS = {  # first year, first day, last day
    ("令和", "R"): (2019, date(2019, 5, 1), date.max),
    ("平成", "H"): (1989, date(1989, 1, 8), date(2019, 4, 30)),
    ("昭和", "S"): (1926, date(1926, 12, 25), date(1989, 1, 7)),
    ("大正", "T"): (1912, date(1912, 7, 30), date(1926, 12, 24)),
}

_PLAIN = re.compile(r"[\d./ -]+")
_UNITS = re.compile(r"(\d{4}) ?[年년] ?(\d{1,2}) ?[月월] ?(\d{1,2}) ?[日号號일]")
_ERA = re.compile(
    r"(令和|平成|昭和|大正|\b[RHST]) ?(元|\d{1,2}) ?[年./-] ?(\d{1,2}) ?[月./-] ?"
    r"(\d{1,2})(?!\d) ?日?"
)
_TIME = re.compile(
    r"(?:t|,? (?:at |um |à |às |a las |kl\.? |klo )?)(?:[01]?\d|2[0-4])"
    r"(?:[:h時时시] ?|(?<!\d\. \d)(?<!\d\. \d\d)\.)"  # "Thu 3. 04.25" is no day and a time
    r"[0-5]\d[分분]?(?:[:.][0-5]\d(?:[.,]\d{1,9})?)?"
    r"(?: ?[ap]\.?m\.?| uhr)?(?: ?(?:z|utc|gmt|[+-]\d\d:?\d\d))?$"
    r"|(?<=\d)(?:z|[+-]\d\d:\d\d)$",  # an XML date may carry a time zone
    re.IGNORECASE,
)


def normal(printed: str) -> str:
    """The print without time, with Asian units and eras as Gregorian year-month-day; "" if long."""
    if len(printed) > _MAX_LENGTH:
        return ""
    text = printed.strip(" \t\r\n")
    if not text.isascii():  # full width digits, no-break spaces
        text = unicodedata.normalize("NFKC", text)
    if _PLAIN.fullmatch(text):
        return text
    if not text.isprintable():
        return ""
    return _TIME.sub("", _UNITS.sub(r"\1-\2-\3 ", _ERA.sub(_gregorian, text))).strip()


def _gregorian(match: re.Match[str]) -> str:
    """A Japanese date as year-month-day; nothing where it lies outside its era."""
    first_year, first, last = next(era for names, era in _ERAS.items() if match[1] in names)
    year = first_year - 1 + (1 if match[2] == "元" else int(match[2]))
    day = calendar_day(str(year), int(match[3]), match[4])
    return f"{day} " if day and first <= day <= last else ""


def calendar_day(year: str, month: int, day: str) -> date | None:
    """A day of 1900 to 2199; two digits of a year mean 1969 to 2068 (POSIX)."""
    full = int(year)
    if len(year) == 2:
        full += 2000 if full < 69 else 1900
    try:
        return date(full, month, int(day)) if 1900 <= full < 2200 else None
    except ValueError:
        return None

"""What sort of value a string is: an amount, a date, or a text."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

from erniekit_finetuning.invoice import amounts, dates

_BARE_DIGITS = re.compile(r"\d+", re.ASCII)


class Kind(StrEnum):
    """How two values of a field are compared, and what a value has to look like."""

    TEXT = "text"
    AMOUNT = "amount"
    DATE = "date"


@lru_cache(maxsize=65536)
def read_kind(text: str, kind: Kind | None = None) -> tuple[Kind, Decimal | date | None]:
    """A string's kind and its reading, None where it has none or several.

    Without a `kind` it is what it certainly reads as. Bare digits are a text: an order number 0042
    is not 42.

    >>> read_kind("1.234,50")
    (<Kind.AMOUNT: 'amount'>, Decimal('1234.50'))
    >>> read_kind("0042")
    (<Kind.TEXT: 'text'>, None)
    """
    if kind is Kind.TEXT:
        return Kind.TEXT, None
    if kind in (None, Kind.DATE):
        days = set(dates.readings(text).values())
        if kind is Kind.DATE or days:
            return Kind.DATE, days.pop() if len(days) == 1 else None
    if kind is None and _BARE_DIGITS.fullmatch(text.strip()):
        return Kind.TEXT, None
    numbers = set(amounts.money(text).values())
    if kind is Kind.AMOUNT or numbers:
        return Kind.AMOUNT, numbers.pop() if len(numbers) == 1 else None
    return Kind.TEXT, None

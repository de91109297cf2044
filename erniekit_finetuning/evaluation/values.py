"""A value as evaluation compares it: its print, its kind, and what makes two of them equal."""

from __future__ import annotations

import unicodedata
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from rapidfuzz.fuzz import ratio

from erniekit_finetuning.confidence.kinds import Kind, read_kind
from erniekit_finetuning.invoice.model import Printed


class Value(NamedTuple):
    """One value. `plain`: its print without regard to case, width and white space.

    `value` is its typed reading, None where it has none of its own or no certain one.
    """

    kind: Kind
    printed: str
    plain: str
    value: Decimal | date | str | None = None


def same(one: Value, other: Value) -> bool:
    """Normalised equality: equal plain prints, or equal readings where both have one."""
    return one.plain == other.plain or (one.value is not None and one.value == other.value)


def similarity(expected: str, found: str) -> float:
    """Likeness of two prints from 0 to 1 (normalised indel similarity of their plain forms)."""
    return ratio(plain(expected), plain(found)) / 100


@lru_cache(maxsize=65536)
def plain(text: str) -> str:
    """A print for comparison: compatibility forms (NFKC), one space for any, no case.

    >>> plain("Ｎｏ．  ７ ")
    'no. 7'
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.split()).casefold()


def of_print(value: Printed[Any] | None, kind: Kind) -> Value | None:
    """A printed value of an Invoice; None where nothing is printed.

    Of a text, only a reading that its print does not show is kept: a currency's code.
    """
    if value is None:
        return None
    flat = plain(value.printed)
    if not flat:
        return None
    reading = value.value
    if kind is Kind.TEXT and reading is not None:
        reading = plain(reading)
    return Value(kind, value.printed, flat, reading)


def of_json(leaf: Any, kind: Kind | None = None) -> Value | None:
    """A leaf of any JSON; None where it says nothing.

    A number is an amount; without a `kind`, a string is what it certainly reads as. Bare digits
    are a text: an order number 0042 is not 42.

    >>> of_json("1.234,50").value
    Decimal('1234.50')
    >>> of_json("0042").kind.value
    'text'
    """
    if leaf is None:
        return None
    if isinstance(leaf, bool):
        return Value(Kind.TEXT, str(leaf).lower(), str(leaf).lower())
    if isinstance(leaf, Decimal | int | float):
        number = Decimal(str(leaf))
        return Value(Kind.AMOUNT, format(number, "f"), format(number, "f"), number)
    text = str(leaf)
    flat = plain(text)
    if not flat:
        return None
    found, reading = read_kind(text, kind)
    return Value(found, text, flat, reading)

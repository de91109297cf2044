"""Printed strings to typed values, decided by the document's own evidence, never guessed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from babel.numbers import list_currencies

from erniekit_finetuning.invoice import amounts, dates
from erniekit_finetuning.invoice.model import Invoice, Printed
from erniekit_finetuning.invoice.walk import leaves, mapped

SYMBOLS = {
    "€": ("EUR",),
    "£": ("GBP",),
    "zł": ("PLN",),
    "₹": ("INR",),
    "$": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN"),
    "US$": ("USD",),
    "¥": ("JPY", "CNY"),
    "￥": ("JPY", "CNY"),
    "kr": ("SEK", "NOK", "DKK"),
    "Fr.": ("CHF",),
}


def typed(invoice: Invoice) -> Invoice:
    """A copy whose values are read from their prints.

    All numbers of the document decide its decimal mark together; its numeric dates decide their
    order together, and where they do not, its currency.
    A print that stays ambiguous keeps value None and lists its readings; one that cannot be read
    keeps value None and no readings.
    """
    mark = amounts.decimal_mark(_prints(invoice, Printed[Decimal]))
    codes = currency_readings(invoice.currency.printed) if invoice.currency else ()
    order = dates.day_order(_prints(invoice, Printed[date])) or dates.usual_order(codes)
    copy = mapped(invoice, lambda _, value: _typed(value, mark, order))
    if copy.currency is None:
        return copy
    return copy.model_copy(update={"currency": _settled(copy.currency, list(codes))})


def currency_readings(printed: str) -> tuple[str, ...]:
    """ISO 4217 codes that a printed code or symbol may stand for.

    >>> currency_readings("€"), currency_readings("usd"), currency_readings("kr")
    (('EUR',), ('USD',), ('SEK', 'NOK', 'DKK'))
    """
    text = printed.strip()
    if text.upper() in list_currencies():
        return (text.upper(),)
    return SYMBOLS.get(text, ())


def _typed(value: Printed[Any], mark: str | None, order: str | None) -> Printed[Any]:
    if isinstance(value, Printed[Decimal]):  # type: ignore[misc]
        return _settled(value, _preferred(amounts.readings(value.printed), mark))
    if isinstance(value, Printed[date]):
        return _settled(value, _preferred(dates.readings(value.printed), order))
    return value.model_copy(update={"value": " ".join(value.printed.split())})


def _preferred(found: dict[str, Any], decided: str | None) -> list[Any]:
    return [found[decided]] if decided in found else list(dict.fromkeys(found.values()))


def _settled(value: Printed[Any], readings: list[Any]) -> Printed[Any]:
    one = len(readings) == 1
    return value.model_copy(
        update={"value": readings[0] if one else None, "readings": () if one else tuple(readings)}
    )


def _prints(invoice: Invoice, kind: type) -> Iterator[str]:
    return (value.printed for _, value in leaves(invoice) if isinstance(value, kind))

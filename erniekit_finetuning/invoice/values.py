"""Printed strings to typed values, decided by the document's own evidence, never guessed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from babel.numbers import list_currencies
from pydantic import BaseModel

from erniekit_finetuning.invoice import amounts, dates
from erniekit_finetuning.invoice.model import Invoice, Printed

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
    copy: Invoice = _typed(invoice, mark, order)
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


def _typed(value: Any, mark: str | None, order: str | None) -> Any:
    if isinstance(value, Printed):
        if isinstance(value, Printed[Decimal]):  # type: ignore[misc]
            return _settled(value, _preferred(amounts.readings(value.printed), mark))
        if isinstance(value, Printed[date]):
            return _settled(value, _preferred(dates.readings(value.printed), order))
        return value.model_copy(update={"value": " ".join(value.printed.split())})
    if isinstance(value, BaseModel):
        return value.model_copy(
            update={
                name: _typed(getattr(value, name), mark, order) for name in type(value).model_fields
            }
        )
    if isinstance(value, tuple):
        return tuple(_typed(item, mark, order) for item in value)
    return value


def _preferred(found: dict[str, Any], decided: str | None) -> list[Any]:
    return [found[decided]] if decided in found else list(dict.fromkeys(found.values()))


def _settled(value: Any, readings: list[Any]) -> Any:
    one = len(readings) == 1
    return value.model_copy(
        update={"value": readings[0] if one else None, "readings": () if one else tuple(readings)}
    )


def _prints(value: Any, leaf: type) -> Iterator[str]:
    if isinstance(value, leaf):
        yield value.printed  # type: ignore[attr-defined]
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _prints(getattr(value, name), leaf)
    elif isinstance(value, tuple):
        for item in value:
            yield from _prints(item, leaf)

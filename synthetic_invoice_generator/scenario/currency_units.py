"""Currencies: minor units, rough values, and the steps that cash is rounded to."""

from __future__ import annotations

from decimal import Decimal
from random import Random

from babel.numbers import get_currency_precision

# Roughly what a euro was worth in the years that invoices are dated; only sizes matter.
_A_EURO = {
    "EUR": "1", "USD": "1.08", "GBP": "0.86", "CHF": "0.97", "CAD": "1.47", "PLN": "4.40",
    "INR": "89", "JPY": "150", "CNY": "7.7", "BRL": "5.8",
}  # fmt: skip
# Totals are rounded to this by many businesses: Swiss cash has no smaller coin, India no paise.
ROUND_TO = {"CHF": Decimal("0.05"), "INR": Decimal("1.00")}


def minor_unit(currency: str) -> Decimal:
    """The smallest unit of a currency (CLDR): 0.01 for EUR, 1 for JPY."""
    return Decimal(1).scaleb(-get_currency_precision(currency))


def in_currency(euros: Decimal, currency: str) -> Decimal:
    """A price in euros turned into a currency of another size: yen and rupees have larger ones."""
    worth = Decimal(_A_EURO.get(currency, "1"))
    if worth < 10:
        return euros
    unit = minor_unit(currency)
    return max((euros * worth).quantize(unit), unit)


def exchange_rate(rng: Random, currency: str, into: str) -> Decimal:
    """How many units of `into` one of `currency` is worth, near the truth; four decimals."""
    ratio = Decimal(_A_EURO.get(into, "1")) / Decimal(_A_EURO.get(currency, "1"))
    return (ratio * Decimal(rng.randint(930, 1070)) / 1000).quantize(Decimal("0.0001"))

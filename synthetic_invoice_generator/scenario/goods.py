"""What is sold: descriptions, quantities and prices, by trade."""

from __future__ import annotations

import math
import unicodedata
from decimal import Decimal
from random import Random

from synthetic_invoice_generator.chance import chance, digits, pick, weighted
from synthetic_invoice_generator.locale import Locale, Trade
from synthetic_invoice_generator.scenario.words import invented_word, letters, product_code

LONGEST = 44  # width of a description in letters; wider ones would wrap in narrow tables

# Mean and spread of the logarithm of a price, and the share of prices on a half.
_PRICES: dict[Trade, tuple[float, float, float]] = {
    "goods": (3.6, 1.4, 0.3),
    "services": (4.4, 1.0, 0.6),
    "utilities": (0.5, 1.6, 0.05),
    "telecom": (2.2, 1.2, 0.2),
    "construction": (4.2, 1.3, 0.5),
    "hospitality": (3.2, 1.0, 0.5),
    "retail": (1.5, 0.8, 0.2),
}
# Upper ends of the logarithm of a quantity, with weights.
_QUANTITIES: dict[Trade, dict[float, float]] = {
    "goods": {2.5: 7, 5.0: 2, 8.0: 1},
    "services": {2.0: 7, 4.0: 3},
    "utilities": {1.0: 3, 7.5: 5},
    "telecom": {1.0: 6, 5.5: 2},
    "construction": {2.5: 4, 5.5: 4},
    "hospitality": {1.5: 8, 3.0: 2},
    "retail": {0.7: 7, 1.8: 3},
}


def width(text: str) -> int:
    """The width of a text in letters; Chinese and Japanese characters are two wide."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def description(rng: Random, locale: Locale, trade: Trade) -> str:
    """A description of at most LONGEST letters' width; about four in ten hold made-up words."""
    while True:
        text = _description(rng, locale, trade)
        if width(text) <= LONGEST:
            return text


def _description(rng: Random, locale: Locale, trade: Trade) -> str:
    thing = pick(rng, locale.offers[trade].things)
    if trade in ("utilities", "telecom", "hospitality") and chance(rng, 0.8):
        return thing
    word, kind = invented_word(rng, locale), pick(rng, locale.qualifiers)
    shape = weighted(rng, {0: 4, 1: 4, 2: 3, 3: 2, 4: 2, 5: 2, 6: 1, 7: 1, 8: 1, 9: 1, 10: 1})
    return (
        thing,
        f"{thing}, {kind}",
        f"{thing} {word}",
        f"{word} {invented_word(rng, locale).lower()}",
        f"{thing} {product_code(rng)}",
        f"{word} {kind}",
        f"{word} {letters(rng, 1)}{rng.randint(2, 99)}",
        f"{thing} ({kind})",
        f"{product_code(rng)} {thing}",
        f"{word} {thing.lower()} {kind}",
        f"{thing} - {word} {rng.randint(1, 500)}x{rng.randint(1, 500)}",
    )[shape]


def quantity(rng: Random, trade: Trade = "goods") -> Decimal:
    """Mostly small whole numbers; some fractions of an hour or a kilogram, a few thousands."""
    if chance(rng, 0.12):
        return Decimal(rng.randint(1, 400)) * Decimal("0.25")
    if chance(rng, 0.05):
        return Decimal(rng.randint(1, 99999)) / Decimal(1000)
    most = weighted(rng, _QUANTITIES[trade])
    return Decimal(max(1, int(math.exp(rng.uniform(0.0, most)))))


def unit_price(rng: Random, trade: Trade = "goods") -> Decimal:
    """A price between 0.05 and about 10,000 euros, around what the trade asks."""
    mean, spread, on_a_half = _PRICES[trade]
    size = rng.gauss(mean, spread)
    if trade == "goods" and chance(rng, 0.3):
        size = rng.uniform(math.log(0.05), math.log(10000))
    cents = max(5, round(math.exp(min(size, 9.2)) * 100))
    if chance(rng, 0.4 if trade == "utilities" else 0.03) and cents < 10_000:
        return Decimal(cents * 100 + rng.randint(1, 99)) / Decimal(10_000)
    if chance(rng, on_a_half):
        cents = max(50, cents // 50 * 50)
    return (Decimal(cents) / 100).quantize(Decimal("0.01"))


def gtin(rng: Random) -> str:
    """A GTIN-13 with its check digit (GS1: weights 1 and 3 in turn)."""
    body = digits(rng, 12)
    total = sum(int(digit) * (3 if index % 2 else 1) for index, digit in enumerate(body))
    return body + str(-total % 10)

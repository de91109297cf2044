"""What is sold: descriptions, quantities and prices."""

from __future__ import annotations

import math
from decimal import Decimal
from random import Random

from synthetic_invoice_generator.chance import chance, pick, weighted
from synthetic_invoice_generator.locale import Locale
from synthetic_invoice_generator.words import invented_word, letters, product_code

LONGEST = 44  # letters of a description; longer ones would wrap in narrow tables


def description(rng: Random, locale: Locale) -> str:
    """A description of at most LONGEST letters; about four in ten hold made-up words."""
    while True:
        text = _description(rng, locale)
        if len(text) <= LONGEST:
            return text


def _description(rng: Random, locale: Locale) -> str:
    thing = pick(rng, locale.goods if chance(rng, 0.7) else locale.services)
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


def quantity(rng: Random) -> Decimal:
    """Mostly small whole numbers; some fractions of an hour or a kilogram, a few thousands."""
    if chance(rng, 0.12):
        return Decimal(rng.randint(1, 400)) * Decimal("0.25")
    if chance(rng, 0.05):
        return Decimal(rng.randint(1, 99999)) / Decimal(1000)
    return Decimal(max(1, int(math.exp(rng.uniform(0.0, weighted(rng, {2.5: 7, 5.0: 2, 8.0: 1}))))))


def unit_price(rng: Random) -> Decimal:
    """A price between 0.05 and about 10,000, spread evenly over its sizes."""
    size = rng.uniform(math.log(0.05), math.log(10000)) if chance(rng, 0.3) else rng.gauss(3.6, 1.4)
    cents = max(5, round(math.exp(min(size, 9.2)) * 100))
    if chance(rng, 0.03) and cents < 10_000:
        return Decimal(cents * 100 + rng.randint(1, 99)) / Decimal(10_000)
    if chance(rng, 0.3):
        cents = max(50, cents // 50 * 50)
    return (Decimal(cents) / 100).quantize(Decimal("0.01"))

"""The lines of a deal: what, how much, at which price and rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random

from synthetic_invoice_generator.chance import chance, pick, weighted
from synthetic_invoice_generator.locale import Locale, Trade
from synthetic_invoice_generator.scenario.amounts import ZERO, line_net
from synthetic_invoice_generator.scenario.currency_units import in_currency, minor_unit
from synthetic_invoice_generator.scenario.goods import description, gtin, quantity, unit_price
from synthetic_invoice_generator.scenario.words import fill
from synthetic_invoice_generator.settings import Shares

_LINE_COUNTS = {1: 22, 2: 26, 3: 20, 4: 14, 5: 7, 6: 5, 7: 3, 8: 3, 10: 1, 12: 1}
_MANY = {15: 4, 20: 3, 27: 3, 35: 2, 45: 2, 60: 1}  # with these in front: about one in nine
_DISCOUNTS = ("2", "2.5", "3", "5", "7.5", "10", "12.5", "15", "20")
_DETAILS = {1: 6, 2: 4, 5: 1}  # rows below a description; the last makes documents of many pages


@dataclass(frozen=True)
class Item:
    """A line before it is printed; `rows` are those of its description."""

    rows: tuple[str, ...]
    unit: str
    quantity: Decimal
    price: Decimal
    discount: Decimal | None
    rate: Decimal
    net: Decimal
    gtin: str


@dataclass(frozen=True)
class Wares:
    """What the lines of one document are drawn from; `currency` is what they are priced in.

    `discounted`: some lines have a discount; `details` is the most rows below a description.
    """

    locale: Locale
    trade: Trade
    currency: str
    discounted: bool
    details: int


def draw_wares(rng: Random, locale: Locale, trade: Trade, currency: str, shares: Shares) -> Wares:
    """Wares of a seller in `locale`."""
    long = chance(rng, shares.long_description)
    return Wares(
        locale=locale,
        trade=trade,
        currency=currency,
        discounted=chance(rng, shares.line_discount),
        details=weighted(rng, _DETAILS) if long else 0,
    )


def draw_items(rng: Random, wares: Wares, rates: Sequence[Decimal], most: int) -> tuple[Item, ...]:
    """1 to `most` lines (more where there are more `rates`), each of `rates` at least once.

    No line stands twice: whatever columns the page leaves out, text or amount differ.
    """
    items: dict[tuple[tuple[str, ...], Decimal], Item] = {}
    count = max(_line_count(rng, most), len(rates))
    while len(items) < count:
        rate = rates[len(items)] if len(items) < len(rates) else pick(rng, rates)
        made = _item(rng, wares, rate)
        items.setdefault((made.rows, made.net), made)
    return tuple(items.values())


def advance(rng: Random, wares: Wares, rate: Decimal) -> Item:
    """The one line of a prepayment."""
    locale = wares.locale
    price = in_currency(Decimal(rng.randint(2, 200)) * 50, wares.currency)
    return Item(
        rows=(fill(rng, locale, pick(rng, locale.advance)),),
        unit=pick(rng, locale.offers["services"].units),
        quantity=Decimal(1),
        price=price,
        discount=None,
        rate=rate,
        net=price,
        gtin=gtin(rng),
    )


def as_progress(rng: Random, wares: Wares, item: Item) -> Item:
    """The line turned into one that says which part of a contract is charged."""
    rows = (fill(rng, wares.locale, pick(rng, wares.locale.progress)),)
    return replace(item, rows=rows, quantity=Decimal(1), price=item.net, discount=None)


def negative(item: Item) -> Item:
    """The line with minus signs, as some credit notes print it."""
    return replace(item, quantity=-item.quantity, net=-item.net)


def _item(rng: Random, wares: Wares, rate: Decimal) -> Item:
    locale, trade = wares.locale, wares.trade
    smallest = minor_unit(wares.currency)
    amount = quantity(rng, trade)
    price = in_currency(unit_price(rng, trade), wares.currency)
    discount = Decimal(pick(rng, _DISCOUNTS)) if wares.discounted and chance(rng, 0.6) else None
    net = line_net(amount, price, discount, smallest)
    if smallest == 1 and net != amount * price * (1 - (discount or ZERO) / 100):
        # Businesses without small coins price so that nothing has to be rounded.
        amount, discount = Decimal(max(1, int(amount))), None
        net = line_net(amount, price, None, smallest)
    if net < smallest:
        amount, discount = Decimal(1), None
        net = line_net(amount, price, None, smallest)
    if net < smallest:  # a price below the smallest coin
        price = net = smallest
    rows = [description(rng, locale, trade)]
    if wares.details and chance(rng, 0.7):
        count = rng.randint(1, wares.details)
        rows += dict.fromkeys(fill(rng, locale, pick(rng, locale.details)) for _ in range(count))
    unit = pick(rng, locale.offers[trade].units)
    return Item(tuple(rows), unit, amount, price, discount, rate, net, gtin(rng))


def _line_count(rng: Random, most: int) -> int:
    weights = {count: weight * 1.2 for count, weight in _LINE_COUNTS.items()} | _MANY
    drawn = weighted(rng, {count: weight for count, weight in weights.items() if count <= most})
    return drawn if drawn < 15 else min(most, drawn + rng.randint(-2, 2))

"""The arithmetic of an invoice, exact: Decimal, cents, half up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
ZERO = Decimal("0.00")


def cents(value: Decimal) -> Decimal:
    """`value` rounded to cents, half up."""
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


def line_net(quantity: Decimal, price: Decimal, discount_rate: Decimal | None = None) -> Decimal:
    """quantity x price less the discount in percent (EN 16931 BT-131).

    >>> line_net(Decimal("3"), Decimal("9.99"), Decimal("10"))
    Decimal('26.97')
    """
    return cents(quantity * price * (1 - (discount_rate or ZERO) / 100))


@dataclass(frozen=True)
class Sums:
    """The totals of a document; `tax` holds (rate, taxable amount, tax) a rate, highest first."""

    line_total: Decimal
    tax_exclusive: Decimal
    tax: tuple[tuple[Decimal, Decimal, Decimal], ...]
    tax_total: Decimal
    tax_inclusive: Decimal


def sums(
    lines: Iterable[tuple[Decimal, Decimal]],
    allowance: Decimal = ZERO,
    charge: Decimal = ZERO,
) -> Sums:
    """Totals of lines given as (net amount, tax rate in percent).

    Allowance and charge are taken at the first line's rate: documents with several rates have none.
    """
    taxable: dict[Decimal, Decimal] = {}
    for net, rate in lines:
        taxable[rate] = taxable.get(rate, ZERO) + net
    line_total = sum(taxable.values(), ZERO)
    first = next(iter(taxable))
    taxable[first] += charge - allowance
    tax = tuple(
        (rate, taxable[rate], cents(taxable[rate] * rate / 100))
        for rate in sorted(taxable, reverse=True)
    )
    exclusive = line_total - allowance + charge
    tax_total = sum((row[2] for row in tax), ZERO)
    return Sums(line_total, exclusive, tax, tax_total, exclusive + tax_total)

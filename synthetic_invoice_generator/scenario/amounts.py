"""The arithmetic of an invoice, exact: Decimal, the currency's minor unit, half up (EN 16931)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

CENT = Decimal("0.01")
ZERO = Decimal("0.00")


def rounded(value: Decimal, unit: Decimal = CENT) -> Decimal:
    """`value` as a multiple of `unit`, half up.

    >>> rounded(Decimal("2.345")), rounded(Decimal("7.48"), Decimal("0.05"))
    (Decimal('2.35'), Decimal('7.50'))
    """
    steps = (value / unit).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    return (steps * unit).quantize(unit)


def line_net(
    quantity: Decimal, price: Decimal, discount_rate: Decimal | None = None, unit: Decimal = CENT
) -> Decimal:
    """quantity x price less the discount in percent (EN 16931 BT-131).

    >>> line_net(Decimal("3"), Decimal("9.99"), Decimal("10"))
    Decimal('26.97')
    """
    return rounded(quantity * price * (1 - (discount_rate or ZERO) / 100), unit)


class Step(StrEnum):
    """A step of the sums at which a slip can happen; every later step follows from it."""

    LINE_TOTAL = "line_total"
    TAX_EXCLUSIVE = "tax_exclusive"
    TAX = "tax"
    TAX_TOTAL = "tax_total"
    TAX_INCLUSIVE = "tax_inclusive"
    PAYABLE = "payable"


@dataclass(frozen=True)
class Slip:
    """A wrong result: `by` is added at `step`."""

    step: Step
    by: Decimal


@dataclass(frozen=True)
class Terms:
    """What the sums are made from, besides the lines. Rates are percents.

    `unit` is the currency's minor unit, `parts` the number of equal taxes that a rate is printed in
    (two in India), `round_to` the unit to which the payable amount is rounded. `include_tax`: the
    line amounts include tax already.
    """

    unit: Decimal = CENT
    allowance: Decimal = ZERO
    charge: Decimal = ZERO
    prepaid_share: Decimal = ZERO
    withholding_rate: Decimal = ZERO
    round_to: Decimal | None = None
    parts: int = 1
    include_tax: bool = False


@dataclass(frozen=True)
class TaxRow:
    """The tax of one rate."""

    rate: Decimal
    taxable: Decimal
    tax: Decimal


@dataclass(frozen=True)
class Sums:
    """The totals of a document; `tax` holds a row a rate (and part), highest rate first."""

    line_total: Decimal
    tax_exclusive: Decimal
    tax: tuple[TaxRow, ...]
    tax_total: Decimal
    tax_inclusive: Decimal
    prepaid: Decimal
    withholding: Decimal
    rounding: Decimal
    payable: Decimal


def sums(
    lines: Sequence[tuple[Decimal, Decimal]], terms: Terms = Terms(), slip: Slip | None = None
) -> Sums:
    """Totals of lines given as (line amount, tax rate in percent).

    Allowance and charge are taken at the first line's rate: documents with several rates have none.
    """

    def off(step: Step) -> Decimal:
        return slip.by if slip is not None and slip.step is step else ZERO

    by_rate: dict[Decimal, Decimal] = {}
    for amount, rate in lines:
        by_rate[rate] = by_rate.get(rate, ZERO) + amount
    first = next(iter(by_rate))
    by_rate[first] += off(Step.LINE_TOTAL)
    line_total = sum(by_rate.values(), ZERO)
    by_rate[first] += terms.charge - terms.allowance + off(Step.TAX_EXCLUSIVE)
    rows = [
        row for rate in sorted(by_rate, reverse=True) for row in _tax(by_rate[rate], rate, terms)
    ]
    rows[0] = TaxRow(rows[0].rate, rows[0].taxable, rows[0].tax + off(Step.TAX))
    tax_total = sum((row.tax for row in rows), ZERO) + off(Step.TAX_TOTAL)
    after_lines = sum(by_rate.values(), ZERO)
    exclusive = sum((row.taxable for row in rows), ZERO) if terms.include_tax else after_lines
    inclusive = after_lines if terms.include_tax else exclusive + tax_total
    inclusive += off(Step.TAX_INCLUSIVE)
    prepaid = rounded(inclusive * terms.prepaid_share / 100, terms.unit)
    withholding = rounded(exclusive * terms.withholding_rate / 100, terms.unit)
    due = inclusive - prepaid - withholding
    rounding = ZERO if terms.round_to is None else rounded(due, terms.round_to) - due
    return Sums(
        line_total=line_total,
        tax_exclusive=exclusive,
        tax=tuple(rows),
        tax_total=tax_total,
        tax_inclusive=inclusive,
        prepaid=prepaid,
        withholding=withholding,
        rounding=rounding,
        payable=due + rounding + off(Step.PAYABLE),
    )


def _tax(amount: Decimal, rate: Decimal, terms: Terms) -> list[TaxRow]:
    if terms.include_tax:
        taxable = rounded(amount * 100 / (100 + rate), terms.unit)
        return [TaxRow(rate, taxable, amount - taxable)]
    part = rate / terms.parts
    return [TaxRow(part, amount, rounded(amount * part / 100, terms.unit))] * terms.parts

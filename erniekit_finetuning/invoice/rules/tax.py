"""BR-CO-17 and the rules of each tax category: the breakdown follows from lines and rates.

The official rules compare sizes, not signs, where they allow a difference of about one unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

from erniekit_finetuning.invoice.model import AllowanceCharge, Invoice, Line, Syntax, TaxSubtotal
from erniekit_finetuning.invoice.rules.comparing import (
    ZERO,
    Missing,
    compared,
    known,
    or_zero,
    round_half_up,
    total,
)
from erniekit_finetuning.invoice.rules.finding import Outcome

HALF = Decimal("0.5")
# Category code (UNCL 5305) -> name in the rules' ids
CATEGORIES = {
    "S": "S",
    "Z": "Z",
    "E": "E",
    "AE": "AE",
    "G": "G",
    "K": "IC",
    "L": "AF",
    "M": "AG",
    "O": "O",
}
TAXED = {"S", "L", "M"}  # checked by rate; the others have no tax


def below_one(expected: Decimal, found: Decimal) -> bool:
    """A difference of less than 1.00."""
    return abs(expected - found) < 1


def at_most_one(expected: Decimal, found: Decimal) -> bool:
    """A difference of 1.00 or less."""
    return abs(expected - found) <= 1


def rate_times_base(invoice: Invoice) -> Iterator[Outcome]:
    """BR-CO-17: in each part of the breakdown; without a rate, or at a rate of 0, no tax."""
    accepts = at_most_one if invoice.syntax is Syntax.CII else below_one
    for index, part in enumerate(invoice.tax_breakdown):
        if part.rate is None and invoice.syntax is None:
            continue
        if abs(or_zero_if_clear(part)) < HALF:

            def no_tax(part: TaxSubtotal = part) -> tuple[Decimal, Decimal]:
                or_zero(part.rate)
                return ZERO, known(part.tax)

            yield compared(invoice, _fields(index, "rate", "tax"), no_tax, _rounds_to_zero)
        else:
            yield _product(invoice, index, part, accepts)


def or_zero_if_clear(part: TaxSubtotal) -> Decimal:
    """The part's rate; 0 when it is absent or has no certain reading."""
    return ZERO if part.rate is None or part.rate.value is None else part.rate.value


def _rounds_to_zero(_: Decimal, found: Decimal) -> bool:
    return -HALF <= found < HALF


def category_base(code: str) -> Callable[[Invoice], Iterator[Outcome]]:
    """BR-*-08: taxable = lines + charges - allowances of the category, and of the rate if taxed."""

    def find(invoice: Invoice) -> Iterator[Outcome]:
        for index, part in _of(invoice, code):

            def sides(part: TaxSubtotal = part) -> tuple[Decimal, Decimal]:
                return _base(invoice, code, part), known(part.taxable)

            fields = ("lines", *_fields(index, "taxable"))
            if invoice.allowances or invoice.charges:
                fields = ("lines", "allowances", "charges", *fields[1:])
            if code in TAXED:
                yield compared(invoice, fields, sides, below_one)
            else:
                yield compared(invoice, fields, sides)

    return find


def category_tax(code: str) -> Callable[[Invoice], Iterator[Outcome]]:
    """BR-*-09: tax = taxable x rate if taxed, else no tax."""

    def find(invoice: Invoice) -> Iterator[Outcome]:
        for index, part in _of(invoice, code):
            if code in TAXED:
                yield _product(invoice, index, part, below_one)
            else:

                def no_tax(part: TaxSubtotal = part) -> tuple[Decimal, Decimal]:
                    return ZERO, known(part.tax)

                yield compared(invoice, _fields(index, "tax"), no_tax)

    return find


def _product(
    invoice: Invoice, index: int, part: TaxSubtotal, accepts: Callable[[Decimal, Decimal], bool]
) -> Outcome:
    def sides() -> tuple[Decimal, Decimal]:
        found = known(part.tax)
        size = round_half_up(abs(known(part.taxable)) * known(part.rate) / 100)
        return size.copy_sign(found) if size else size, found

    return compared(invoice, _fields(index, "taxable", "rate", "tax"), sides, accepts)


def _base(invoice: Invoice, code: str, part: TaxSubtotal) -> Decimal:
    rate = known(part.rate) if code in TAXED else None

    def mine(item: Line | AllowanceCharge) -> bool:
        return (
            item.tax_category is not None
            and item.tax_category.value == code
            and (rate is None or (item.tax_rate is not None and known(item.tax_rate) == rate))
        )

    lines = [line for line in invoice.lines if mine(line)]
    charges = [charge for charge in invoice.charges if mine(charge) and not charge.logistics]
    allowances = [allowance for allowance in invoice.allowances if mine(allowance)]
    # A taxed base has to come from something; any line at all is enough for the others.
    if not (lines or charges or allowances if code in TAXED else invoice.lines):
        raise Missing
    nets = total(line.net_amount for line in lines)
    added = total(charge.amount for charge in charges)
    return nets + added - total(allowance.amount for allowance in allowances)


def _of(invoice: Invoice, code: str) -> Iterator[tuple[int, TaxSubtotal]]:
    for index, part in enumerate(invoice.tax_breakdown):
        if part.category is not None and part.category.value == code:
            yield index, part


def _fields(index: int, *names: str) -> tuple[str, ...]:
    return tuple(f"tax_breakdown[{index}].{name}" for name in names)

"""The parts that every arithmetic rule is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal

from erniekit_finetuning.invoice.model import Invoice, Printed
from erniekit_finetuning.invoice.rules.finding import Outcome, Status

CENT = Decimal("0.01")
ZERO = Decimal(0)

Amount = Printed[Decimal] | None
Sides = Callable[[], tuple[Decimal, Decimal]]
Accepts = Callable[[Decimal, Decimal], bool]


class Missing(Exception):
    """A value the rule needs is not in the document."""


class Unclear(Exception):
    """A value the rule needs is printed but has no certain reading."""


def equal(expected: Decimal, found: Decimal) -> bool:
    """No difference at all."""
    return expected == found


def compared(
    invoice: Invoice,
    fields: tuple[str, ...],
    sides: Sides,
    accepts: Accepts = equal,
) -> Outcome:
    """One comparison; `sides` gives (expected, found) or raises Missing or Unclear.

    A structured invoice must carry the amounts that a rule speaks of, as the official rules have
    it; a page simply may not print them, and the rule does not apply.
    """
    try:
        expected, found = sides()
    except Missing:
        if invoice.syntax is None:
            return Outcome(Status.NOT_APPLICABLE, fields)
        return Outcome(Status.FAIL, fields, message="an amount is missing")
    except Unclear:
        return Outcome(Status.AMBIGUOUS, fields, message="a value has no certain reading")
    if accepts(expected, found):
        return Outcome(Status.PASS, fields, expected, found)
    message = f"{expected:,} expected, {found:,} found"
    return Outcome(Status.FAIL, fields, expected, found, message)


def known(value: Amount) -> Decimal:
    """The amount; raises Missing or Unclear."""
    if value is None:
        raise Missing
    if value.value is None:
        raise Unclear
    return value.value


def or_zero(value: Amount) -> Decimal:
    """The amount, 0 when it is absent; raises Unclear."""
    return ZERO if value is None else known(value)


def total(values: Iterable[Amount]) -> Decimal:
    """Sum of those that are there; raises Unclear."""
    return sum((known(value) for value in values if value is not None), ZERO)


def deducted(invoice: Invoice, value: Amount) -> Decimal:
    """An amount that is taken off, 0 when it is absent.

    Paper prints an allowance or a prepaid amount with or without its minus: its size counts.
    """
    amount = or_zero(value)
    return abs(amount) if invoice.syntax is None else amount


def as_stated(invoice: Invoice, exact: Decimal, stated: Decimal) -> tuple[Decimal, Decimal]:
    """The exact amount rounded as the stated one has to be, and the stated one.

    The official rules round to 2 decimals. A page may print more (dinars have 3): then to those.
    """
    exponent = stated.as_tuple().exponent
    if invoice.syntax is None and isinstance(exponent, int) and exponent < -2:
        return exact.quantize(stated, ROUND_HALF_UP), stated
    return round_half_up(exact), stated


def round_half_up(amount: Decimal) -> Decimal:
    """To two decimals, halves towards +infinity, as XPath `round` in the official rules.

    >>> round_half_up(Decimal("0.005")), round_half_up(Decimal("-0.015"))
    (Decimal('0.01'), Decimal('-0.01'))
    """
    return amount.quantize(CENT, ROUND_HALF_UP if amount >= 0 else ROUND_HALF_DOWN)

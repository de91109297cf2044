"""BR-CO-10 to BR-CO-16: the totals follow from the lines and from each other."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from erniekit_finetuning.invoice.model import AllowanceCharge, Invoice, Printed, Syntax
from erniekit_finetuning.invoice.rules.comparing import (
    ZERO,
    Missing,
    Unclear,
    as_stated,
    compared,
    deducted,
    known,
    or_zero,
    round_half_up,
    total,
)
from erniekit_finetuning.invoice.rules.finding import Outcome


def line_total(invoice: Invoice) -> Iterator[Outcome]:
    """BR-CO-10. A page without lines says nothing; a structured invoice without lines sums to 0."""

    def sides() -> tuple[Decimal, Decimal]:
        nets = [line.net_amount for line in invoice.lines]
        if invoice.syntax is None and (not nets or None in nets):
            raise Missing
        return as_stated(invoice, total(nets), known(invoice.totals.line_total))

    if _any_total(invoice):
        yield compared(invoice, ("lines", "totals.line_total"), sides)


def allowance_total(invoice: Invoice) -> Iterator[Outcome]:
    """BR-CO-11."""
    yield from _parts(invoice, "allowances", invoice.allowances, invoice.totals.allowance_total)


def charge_total(invoice: Invoice) -> Iterator[Outcome]:
    """BR-CO-12. Logistics service charges are not counted (see AllowanceCharge)."""
    charges = tuple(charge for charge in invoice.charges if not charge.logistics)
    yield from _parts(invoice, "charges", charges, invoice.totals.charge_total)


def _parts(
    invoice: Invoice,
    name: str,
    parts: tuple[AllowanceCharge, ...],
    stated: Printed[Decimal] | None,
) -> Iterator[Outcome]:
    paper = invoice.syntax is None

    def sides() -> tuple[Decimal, Decimal]:
        exact = sum((deducted(invoice, part.amount) for part in parts), ZERO)
        return as_stated(invoice, exact, abs(known(stated)) if paper else known(stated))

    # A page may print a total without its parts; a structured invoice may not.
    if parts or (stated is not None and not paper):
        yield compared(invoice, (name, f"totals.{name[:-1]}_total"), sides)


def tax_exclusive(invoice: Invoice) -> Iterator[Outcome]:
    """BR-CO-13. Where prices include tax the lines lead to the total with tax instead."""

    def sides() -> tuple[Decimal, Decimal]:
        return as_stated(invoice, _after_lines(invoice), known(invoice.totals.tax_exclusive))

    if _any_total(invoice) and not invoice.prices_include_tax:
        names = ("line_total", "allowance_total", "charge_total", "tax_exclusive")
        yield compared(invoice, _fields(invoice, names), sides)


def tax_total(invoice: Invoice) -> Iterator[Outcome]:
    """BR-CO-14. In UBL a tax total may stand without a breakdown, in CII it may not.

    A tax total that is missing, or stated twice, is for BR-CO-15 to find.
    """
    stated = invoice.totals.tax_total
    if stated is None or (stated.value is None and invoice.syntax is not None):
        return
    if not invoice.tax_breakdown and invoice.syntax is not Syntax.CII:
        return

    def sides() -> tuple[Decimal, Decimal]:
        taxes = [part.tax for part in invoice.tax_breakdown]
        if None in taxes:
            raise Missing
        return as_stated(invoice, total(taxes), known(stated))

    yield compared(invoice, ("tax_breakdown", "totals.tax_total"), sides)


def tax_inclusive(invoice: Invoice) -> Iterator[Outcome]:
    """BR-CO-15. In CII a grand total that equals the tax basis passes, whatever the tax says.

    A page that prints no total without tax is checked against subtotal, allowances and charges,
    which are the total with tax already where prices include it.
    """
    totals = invoice.totals
    if invoice.syntax is Syntax.UBL and invoice.currency is None and totals.tax_total is None:
        return  # the rule asks for the tax total in the document's currency

    def sides() -> tuple[Decimal, Decimal]:
        inclusive = known(totals.tax_inclusive)
        if totals.tax_exclusive is None and invoice.syntax is None:
            exclusive = _after_lines(invoice)
            if invoice.prices_include_tax:
                return as_stated(invoice, exclusive, inclusive)
        else:
            exclusive = known(totals.tax_exclusive)
        if invoice.syntax is Syntax.CII and inclusive == exclusive:
            return exclusive, inclusive
        try:
            tax = known(totals.tax_total)
        except Unclear:
            # Two totals in one currency: a structured invoice is wrong, not hard to read.
            raise (Missing if invoice.syntax else Unclear) from None
        return as_stated(invoice, exclusive + tax, inclusive)

    if totals.tax_inclusive is not None or totals.tax_exclusive is not None:
        names: tuple[str, ...] = ("tax_exclusive", "tax_total", "tax_inclusive")
        if totals.tax_exclusive is None:
            names = ("line_total", "allowance_total", "charge_total", *names)
        yield compared(invoice, _fields(invoice, names), sides)


def payable(invoice: Invoice) -> Iterator[Outcome]:
    """BR-CO-16; a page may also take off income tax that the buyer withholds."""
    totals = invoice.totals

    def sides() -> tuple[Decimal, Decimal]:
        inclusive, due = known(totals.tax_inclusive), known(totals.payable)
        if totals.prepaid is not None or totals.withholding is not None:
            exact = inclusive - deducted(invoice, totals.prepaid)
            exact -= deducted(invoice, totals.withholding)
            inclusive, _ = as_stated(invoice, exact, due)
        if totals.rounding is None:
            return inclusive, due
        rounding = or_zero(totals.rounding)
        return round_half_up(inclusive) + rounding, round_half_up(due - rounding) + rounding

    if _any_total(invoice):
        names = ("tax_inclusive", "prepaid", "withholding", "rounding", "payable")
        yield compared(invoice, _fields(invoice, names), sides)


def _after_lines(invoice: Invoice) -> Decimal:
    totals = invoice.totals
    allowances = deducted(invoice, totals.allowance_total)
    return known(totals.line_total) - allowances + or_zero(totals.charge_total)


def _any_total(invoice: Invoice) -> bool:
    totals = invoice.totals
    return any(
        value is not None
        for value in (
            totals.line_total,
            totals.tax_exclusive,
            totals.tax_inclusive,
            totals.payable,
            totals.allowance_total,
            totals.charge_total,
            totals.prepaid,
        )
    )


def _fields(invoice: Invoice, names: tuple[str, ...]) -> tuple[str, ...]:
    """Paths of the totals that are there; all of them matter when one is missing."""
    there = tuple(f"totals.{name}" for name in names if getattr(invoice.totals, name) is not None)
    return there or tuple(f"totals.{name}" for name in names)

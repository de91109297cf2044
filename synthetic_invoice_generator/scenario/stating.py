"""The lines and totals of a deal as an Invoice has them: printed strings beside exact values."""

from __future__ import annotations

from decimal import Decimal

from erniekit_finetuning.invoice.model import Line, Printed, TaxSubtotal, Totals
from synthetic_invoice_generator.scenario.amounts import Slip, Sums, rounded, sums
from synthetic_invoice_generator.scenario.currency_units import minor_unit
from synthetic_invoice_generator.scenario.deal import Deal
from synthetic_invoice_generator.scenario.forms import Forms
from synthetic_invoice_generator.scenario.items import Item
from synthetic_invoice_generator.scenario.shown import Shown
from synthetic_invoice_generator.scenario.words import verbatim


def lines_of(deal: Deal, shown: Shown, forms: Forms) -> tuple[Line, ...]:
    """The lines, each with the columns that the page has."""
    return tuple(_line(item, deal, shown, forms) for item in deal.items)


def _line(item: Item, deal: Deal, shown: Shown, forms: Forms) -> Line:
    return Line(
        description=Printed(printed="\n".join(item.rows), value=" ".join(item.rows)),
        gtin=verbatim(item.gtin) if shown.gtin else None,
        quantity=forms.quantity(item.quantity) if shown.quantity else None,
        unit=verbatim(item.unit) if shown.unit and shown.quantity else None,
        unit_price=forms.price(item.price) if shown.price else None,
        discount_rate=None if item.discount is None else forms.percent(item.discount),
        tax_category=verbatim(deal.category) if shown.category else None,
        tax_rate=forms.percent(item.rate) if shown.line_rate else None,
        net_amount=forms.price(item.net),
    )


def totals_of(
    deal: Deal,
    shown: Shown,
    forms: Forms,
    tax_currency: tuple[str, Decimal] | None = None,
    slip: Slip | None = None,
) -> tuple[Totals, tuple[TaxSubtotal, ...]]:
    """The totals and the tax breakdown, each row printed or left out.

    The tax total is repeated in `tax_currency` (code, exchange rate) where there is one.
    """
    result = sums([(item.net, item.rate) for item in deal.items], deal.terms, slip)

    def row(value: Decimal, wanted: bool = True) -> Printed[Decimal] | None:
        return forms.total(value) if wanted else None

    def lowering(value: Decimal) -> Printed[Decimal] | None:
        return forms.lowering(value) if value else None

    def abroad() -> Printed[Decimal] | None:
        if tax_currency is None or not shown.tax_total:
            return None
        currency, rate = tax_currency
        return forms.plain(rounded(result.tax_total * rate, minor_unit(currency)))

    terms = deal.terms
    totals = Totals(
        line_total=row(result.line_total, shown.line_total),
        allowance_total=lowering(terms.allowance),
        charge_total=row(terms.charge, bool(terms.charge)),
        tax_exclusive=row(result.tax_exclusive, shown.tax_exclusive),
        tax_total=row(result.tax_total, shown.tax_total),
        tax_total_in_tax_currency=abroad(),
        tax_inclusive=row(result.tax_inclusive, shown.tax_inclusive or bool(result.rounding)),
        prepaid=lowering(result.prepaid),
        withholding=lowering(result.withholding),
        rounding=row(result.rounding, bool(result.rounding)),
        payable=row(result.payable, shown.payable or bool(result.rounding)),
    )
    return totals, _breakdown(result, deal, shown, forms)


def _breakdown(result: Sums, deal: Deal, shown: Shown, forms: Forms) -> tuple[TaxSubtotal, ...]:
    """Tax a rate; empty when the rate is not printed beside the tax."""
    if not shown.breakdown:
        return ()
    return tuple(
        TaxSubtotal(
            category=verbatim(deal.category) if shown.category else None,
            rate=forms.tax_percent(part.rate),
            taxable=forms.total(part.taxable) if shown.taxable else None,
            tax=forms.total(part.tax),
        )
        for part in result.tax
    )

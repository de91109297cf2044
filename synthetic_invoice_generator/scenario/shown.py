"""What a page prints of a deal: businesses leave rows and columns out."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from synthetic_invoice_generator.chance import chance, weighted
from synthetic_invoice_generator.scenario.deal import Deal
from synthetic_invoice_generator.settings import Shares


@dataclass(frozen=True)
class Shown:
    """Which columns, totals and tax rows stand on the page. A row whose amount is 0 never does.

    `breakdown`: the tax is said rate by rate; `taxable`: with the amount that it is taken from.
    """

    due_date: bool
    delivery_date: bool
    quantity: bool
    price: bool
    unit: bool
    line_rate: bool
    category: bool
    gtin: bool
    line_total: bool
    tax_exclusive: bool
    breakdown: bool
    taxable: bool
    tax_total: bool
    tax_inclusive: bool
    payable: bool


def draw_shown(rng: Random, deal: Deal, shares: Shares) -> Shown:
    """Rows and columns as businesses print them; what is needed to understand the sums is there."""
    terms, mixed = deal.terms, len({item.rate for item in deal.items}) > 1
    taxed = deal.taxed
    both = chance(rng, 0.88)
    changed = bool(terms.allowance or terms.charge)
    category = (
        not changed
        and not terms.include_tax
        and terms.parts == 1
        and chance(rng, shares.tax_category)
    )
    line_total, tax_exclusive = _net_rows(rng, changed, taxed, terms.include_tax)
    lowered = bool(terms.prepaid_share or terms.withholding_rate)
    breakdown = category or (taxed and (mixed or terms.parts > 1 or chance(rng, 0.7)))
    inclusive = lowered or chance(rng, 0.6)
    return Shown(
        due_date=deal.document not in ("receipt", "credit_note") and chance(rng, shares.due_date),
        delivery_date=chance(rng, 0.4 * shares.references),
        quantity=both or chance(rng, 0.5),
        price=both or chance(rng, 0.3),
        unit=chance(rng, 0.3),
        line_rate=category or (taxed and (mixed or chance(rng, 0.3))),
        category=category,
        gtin=deal.trade in ("goods", "retail") and chance(rng, shares.gtin),
        line_total=line_total,
        tax_exclusive=tax_exclusive,
        breakdown=breakdown,
        taxable=category
        or (breakdown and not terms.include_tax and chance(rng, 0.5 if mixed else 0.2)),
        # With one rate its row is the tax total too; with two it is a row of its own, or absent.
        tax_total=taxed and (not (mixed or terms.parts > 1) or chance(rng, 0.6)),
        tax_inclusive=inclusive,
        payable=lowered or not inclusive or chance(rng, 0.35),
    )


def _net_rows(rng: Random, changed: bool, taxed: bool, include_tax: bool) -> tuple[bool, bool]:
    """Whether the sum of the lines and the total without tax are printed."""
    if changed:
        return True, chance(rng, 0.8)
    if include_tax:
        return chance(rng, 0.3), chance(rng, 0.4)
    if not taxed:
        return chance(rng, 0.5), False
    both = weighted(rng, {"lines": 42, "net": 42, "both": 13, "none": 3})
    return both in ("lines", "both"), both in ("net", "both")

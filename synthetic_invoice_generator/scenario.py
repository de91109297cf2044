"""What an invoice says: typed values, exact arithmetic, and the strings its locale prints."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from erniekit_finetuning.invoice.model import (
    Invoice,
    Line,
    Party,
    Printed,
    TaxSubtotal,
    Totals,
)
from synthetic_invoice_generator.amounts import CENT, ZERO, Sums, cents, line_net, sums
from synthetic_invoice_generator.chance import chance, pick, weighted
from synthetic_invoice_generator.forms import Forms, draw_forms
from synthetic_invoice_generator.goods import description, quantity, unit_price
from synthetic_invoice_generator.identifiers import invoice_number
from synthetic_invoice_generator.locale import Locale
from synthetic_invoice_generator.parties import make_party
from synthetic_invoice_generator.settings import Shares

_LINE_COUNTS = {1: 22, 2: 26, 3: 20, 4: 14, 5: 7, 6: 5, 7: 3, 8: 3, 10: 1, 12: 1}
_FIRST_DAY, _DAYS = date(2019, 1, 1), 3000
_TERMS = (7, 8, 10, 14, 15, 20, 21, 30, 30, 30, 45, 60, 90)


@dataclass(frozen=True)
class _Item:
    """A line before it is printed."""

    description: str
    quantity: Decimal
    price: Decimal
    discount: Decimal | None
    rate: Decimal
    net: Decimal


@dataclass(frozen=True)
class _Columns:
    """Which optional columns the document prints; None values follow from it."""

    quantity: bool
    price: bool
    rate: bool


def make_invoice(
    rng: Random,
    locale: Locale,
    *,
    forms: Forms | None = None,
    shares: Shares | None = None,
    max_lines: int = 8,
) -> Invoice:
    """One invoice in `forms` (drawn when None) with 1 to `max_lines` lines.

    A field that the document does not print is None. Every typed value follows from the printed
    ones; amounts are exact.
    """
    forms, shares = forms or draw_forms(rng, locale), shares or Shares()
    issued = _FIRST_DAY + timedelta(days=rng.randrange(_DAYS))
    days = pick(rng, _TERMS)
    due = forms.date(issued + timedelta(days=days)) if chance(rng, shares.due_date) else None
    rates = _rates(rng, locale, shares)
    items = _items(rng, locale, rates, shares, _line_count(rng, max_lines))
    taxed = rates != (ZERO,)
    columns = _columns(rng, taxed, len(rates) > 1)
    number = invoice_number(rng, locale, issued)
    country_share = locale.vat_id_share
    return Invoice(
        language=locale.language,
        number=Printed(printed=number, value=number),
        issue_date=forms.date(issued) if chance(rng, 0.97) else None,
        due_date=due,
        currency=_currency(forms),
        seller=make_party(rng, locale, country_share["seller"], forms.vat_spaced),
        buyer=_buyer(rng, make_party(rng, locale, country_share["buyer"], forms.vat_spaced)),
        lines=tuple(_line(item, forms, columns) for item in items),
        **_amounts(rng, items, forms, shares, taxed),
        payment_terms=_terms(rng, locale, days) if chance(rng, shares.payment_terms) else None,
    )


def _line_count(rng: Random, most: int) -> int:
    return weighted(rng, {count: weight for count, weight in _LINE_COUNTS.items() if count <= most})


def _rates(rng: Random, locale: Locale, shares: Shares) -> tuple[Decimal, ...]:
    """The tax rates of the document: one, two, or (0,) for a document without tax."""
    if chance(rng, shares.tax_free):
        return (ZERO,)
    if len(locale.tax_rates) > 1 and chance(rng, locale.two_rates_share):
        first = weighted(rng, locale.tax_rates)
        rest = {rate: weight for rate, weight in locale.tax_rates.items() if rate != first}
        return Decimal(first), Decimal(weighted(rng, rest))
    return (Decimal(weighted(rng, locale.tax_rates)),)


def _items(
    rng: Random, locale: Locale, rates: tuple[Decimal, ...], shares: Shares, count: int
) -> tuple[_Item, ...]:
    count = max(count, len(rates))
    discounted = chance(rng, shares.line_discount)
    items = []
    for index in range(count):
        amount, price = quantity(rng), unit_price(rng)
        discount = None
        if discounted and chance(rng, 0.6):
            discount = Decimal(pick(rng, ("2", "2.5", "3", "5", "7.5", "10", "12.5", "15", "20")))
        net = line_net(amount, price, discount)
        if net < CENT:
            amount, net = Decimal(1), line_net(Decimal(1), price, discount)
        rate = rates[index] if index < len(rates) else pick(rng, rates)
        items.append(_Item(description(rng, locale), amount, price, discount, rate, net))
    return tuple(items)


def _columns(rng: Random, taxed: bool, mixed: bool) -> _Columns:
    both = chance(rng, 0.88)
    return _Columns(
        quantity=both or chance(rng, 0.5),
        price=both or chance(rng, 0.3),
        rate=taxed and (mixed or chance(rng, 0.3)),
    )


def _line(item: _Item, forms: Forms, columns: _Columns) -> Line:
    return Line(
        description=Printed(printed=item.description, value=item.description),
        quantity=forms.quantity(item.quantity) if columns.quantity else None,
        unit_price=forms.price(item.price) if columns.price else None,
        discount_rate=None if item.discount is None else forms.percent(item.discount),
        tax_rate=forms.percent(item.rate) if columns.rate else None,
        net_amount=forms.price(item.net),
    )


def _amounts(
    rng: Random, items: tuple[_Item, ...], forms: Forms, shares: Shares, taxed: bool
) -> dict[str, object]:
    """`totals` and `tax_breakdown`, each row printed or left out as businesses do."""
    mixed = len({item.rate for item in items}) > 1
    goods = sum((item.net for item in items), ZERO)
    allowance = charge = ZERO
    if not mixed and goods > 1 and chance(rng, shares.allowance):
        part = pick(rng, ("2", "3", "5", "10", "15"))
        allowance = cents(goods * Decimal(part) / 100)
    if not mixed and chance(rng, shares.charge):
        charge = Decimal(rng.randint(3, 60)) / 2 + pick(rng, (ZERO, Decimal("0.40")))
        charge = cents(charge)
    result = sums([(item.net, item.rate) for item in items], allowance, charge)
    prepaid = ZERO
    if result.tax_inclusive > 1 and chance(rng, shares.prepaid):
        part = pick(rng, ("10", "20", "25", "30", "50"))
        prepaid = cents(result.tax_inclusive * Decimal(part) / 100)
    show_lines, show_net = _net_rows(rng, bool(allowance or charge), taxed)
    gross = prepaid > 0 or chance(rng, 0.6)
    total = forms.total
    return {
        "totals": Totals(
            line_total=total(result.line_total) if show_lines else None,
            allowance_total=forms.lowering(allowance) if allowance else None,
            charge_total=total(charge) if charge else None,
            tax_exclusive=total(result.tax_exclusive) if show_net else None,
            tax_total=total(result.tax_total) if _tax_total_shown(rng, taxed, mixed) else None,
            tax_inclusive=total(result.tax_inclusive) if gross else None,
            prepaid=forms.lowering(prepaid) if prepaid else None,
            payable=(
                total(result.tax_inclusive - prepaid)
                if prepaid or not gross or chance(rng, 0.35)
                else None
            ),
        ),
        "tax_breakdown": _breakdown(rng, result, forms, mixed) if taxed else (),
    }


def _net_rows(rng: Random, changed: bool, taxed: bool) -> tuple[bool, bool]:
    """Whether the sum of the lines and the total without tax are printed."""
    if changed:
        return True, chance(rng, 0.8)
    if not taxed:
        return chance(rng, 0.5), False
    both = weighted(rng, {"lines": 42, "net": 42, "both": 13, "none": 3})
    return both in ("lines", "both"), both in ("net", "both")


def _tax_total_shown(rng: Random, taxed: bool, mixed: bool) -> bool:
    """With one rate its row is the tax total too; with two it is a row of its own, or absent."""
    return taxed and (not mixed or chance(rng, 0.6))


def _breakdown(rng: Random, result: Sums, forms: Forms, mixed: bool) -> tuple[TaxSubtotal, ...]:
    """Tax a rate; empty when the rate is not printed beside the tax."""
    if not mixed and chance(rng, 0.3):
        return ()
    with_base = chance(rng, 0.5 if mixed else 0.15)
    return tuple(
        TaxSubtotal(
            rate=forms.tax_percent(rate),
            taxable=forms.total(base) if with_base else None,
            tax=forms.total(tax),
        )
        for rate, base, tax in result.tax
    )


def _currency(forms: Forms) -> Printed[str] | None:
    if forms.currency_print is None:
        return None
    return Printed(printed=forms.currency_print, value=forms.currency)


def _buyer(rng: Random, party: Party) -> Party:
    return party if chance(rng, 0.96) else party.model_copy(update={"address": None})


def _terms(rng: Random, locale: Locale, days: int) -> Printed[str]:
    text = pick(rng, locale.terms_now) if chance(rng, 0.15) else pick(rng, locale.terms)
    text = text.format(days=days)
    return Printed(printed=text, value=text)

"""Invoices that are right by construction, for property tests."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from erniekit_finetuning.invoice.model import (
    AllowanceCharge,
    Invoice,
    Line,
    Party,
    Printed,
    Syntax,
    TaxSubtotal,
    Totals,
)
from erniekit_finetuning.invoice.rules import round_half_up

D = Decimal
TAXED = ("S", "L", "M")
UNTAXED = ("Z", "E", "AE", "K", "G", "O")


def amount(value: Decimal | int | str) -> Printed[Decimal]:
    return Printed[Decimal](printed=str(value), value=D(value))


def text(value: str) -> Printed[str]:
    return Printed[str](printed=value, value=value)


def day(value: date) -> Printed[date]:
    return Printed[date](printed=value.isoformat(), value=value)


cents = st.integers(-(10**7), 10**7).map(lambda value: D(value).scaleb(-2))
positive_cents = st.integers(0, 10**6).map(lambda value: D(value).scaleb(-2))
category = st.one_of(
    st.tuples(st.sampled_from(TAXED), st.sampled_from([D(19), D("7.7"), D("5.50"), D(25)])),
    st.tuples(st.sampled_from(UNTAXED), st.just(D(0))),
)


@st.composite
def parts(draw: Any, taxed: tuple[str, Decimal] | None) -> AllowanceCharge:
    base, percent = draw(positive_cents), draw(st.sampled_from([None, D(2), D("12.5")]))
    value = base if percent is None else round_half_up(base * percent / 100)
    given = percent is not None
    return AllowanceCharge(
        amount=amount(value),
        base_amount=amount(base) if given else None,
        percent=amount(percent) if percent is not None else None,
        tax_category=text(taxed[0]) if taxed else None,
        tax_rate=amount(taxed[1]) if taxed else None,
    )


@st.composite
def lines(draw: Any, number: int) -> Line:
    quantity, price = draw(st.integers(-50, 500)), draw(cents)
    allowances = tuple(draw(st.lists(parts(None), max_size=1)))
    charges = tuple(draw(st.lists(parts(None), max_size=1)))
    code, rate = draw(category)
    net = quantity * price - total(allowances) + total(charges)
    discount = draw(st.sampled_from([None, D("1.5")]))
    return Line(
        id=text(str(number)),
        description=text(f"article {number}"),
        quantity=amount(quantity),
        unit_price=amount(price),
        gross_price=None if discount is None else amount(price + discount),
        price_allowance=None if discount is None else amount(discount),
        allowances=allowances,
        charges=charges,
        tax_category=text(code),
        tax_rate=amount(rate),
        net_amount=amount(net),
    )


def total(items: tuple[AllowanceCharge, ...]) -> Decimal:
    return sum((item.amount.value for item in items if item.amount), D(0))  # type: ignore[misc]


@st.composite
def right_invoices(draw: Any) -> Invoice:
    """Two lines or more, so that TAX-RATE's slack is wider than a cent."""
    items = tuple(draw(lines(number)) for number in range(1, draw(st.integers(2, 6)) + 1))
    allowances = tuple(draw(parts(draw(category))) for _ in range(draw(st.integers(0, 2))))
    charges = tuple(draw(parts(draw(category))) for _ in range(draw(st.integers(0, 2))))
    bases: dict[tuple[str, Decimal], Decimal] = {}
    for sign, group in ((1, items), (-1, allowances), (1, charges)):
        for item in group:
            # An untaxed category has one part, whatever its rate.
            key = (str(item.tax_category.value), item.tax_rate.value)
            value = item.net_amount if isinstance(item, Line) else item.amount
            bases[key] = bases.get(key, D(0)) + sign * value.value
    breakdown = tuple(
        TaxSubtotal(
            category=text(code),
            rate=amount(rate),
            taxable=amount(base),
            tax=amount(round_half_up(base * rate / 100)),
        )
        for (code, rate), base in bases.items()
    )
    line_total = sum((line.net_amount.value for line in items), D(0))
    exclusive = line_total - total(allowances) + total(charges)
    tax = sum((part.tax.value for part in breakdown if part.tax), D(0))
    prepaid, rounding = draw(positive_cents), draw(st.sampled_from([None, D("0.02"), D("-0.01")]))
    issued = draw(st.dates(date(2000, 1, 1), date(2090, 1, 1)))
    return Invoice(
        syntax=draw(st.sampled_from([Syntax.UBL, None])),
        number=text("R-1"),
        currency=text("EUR"),
        issue_date=day(issued),
        due_date=day(issued + timedelta(days=draw(st.integers(0, 90)))),
        seller=Party(name=text("Seller Ltd")),
        buyer=Party(name=text("Buyer Ltd")),
        lines=items,
        allowances=allowances,
        charges=charges,
        tax_breakdown=breakdown,
        totals=Totals(
            line_total=amount(line_total),
            allowance_total=amount(total(allowances)) if allowances else None,
            charge_total=amount(total(charges)) if charges else None,
            tax_exclusive=amount(exclusive),
            tax_total=amount(tax),
            tax_inclusive=amount(exclusive + tax),
            prepaid=amount(prepaid) if prepaid else None,
            rounding=None if rounding is None else amount(rounding),
            payable=amount(exclusive + tax - prepaid + (rounding or 0)),
        ),
    )

"""Rules on lines, prices, allowances and charges: Peppol's R040, R046, R120 and our own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache

from babel.numbers import get_currency_precision

from erniekit_finetuning.invoice.model import AllowanceCharge, Invoice, Line
from erniekit_finetuning.invoice.rules.comparing import (
    ZERO,
    compared,
    deducted,
    known,
    or_zero,
    total,
)
from erniekit_finetuning.invoice.rules.finding import Outcome

SLACK = Decimal("0.02")
ONE = Decimal(1)


def within_slack(expected: Decimal, found: Decimal) -> bool:
    """A difference of at most 0.02."""
    return abs(expected - found) <= SLACK


def allowance_share(invoice: Invoice) -> Iterator[Outcome]:
    """PEPPOL-EN16931-R040: amount = base amount x percent, where both are given."""
    owners: list[tuple[str, Invoice | Line]] = [("", invoice)]
    owners += [(f"lines[{index}].", line) for index, line in enumerate(invoice.lines)]
    for prefix, owner in owners:
        for name, parts in (("allowances", owner.allowances), ("charges", owner.charges)):
            for index, part in enumerate(parts):
                if part.percent is not None and part.base_amount is not None:
                    path = f"{prefix}{name}[{index}]"
                    fields = (f"{path}.base_amount", f"{path}.percent", f"{path}.amount")
                    yield compared(invoice, fields, _share(part), within_slack)


def _share(part: AllowanceCharge) -> Callable[[], tuple[Decimal, Decimal]]:
    return lambda: (known(part.base_amount) * known(part.percent) / 100, or_zero(part.amount))


def gross_price(invoice: Invoice) -> Iterator[Outcome]:
    """PEPPOL-EN16931-R046: net price = gross price - price allowance, where there is a gross."""
    for index, line in enumerate(invoice.lines):
        if line.gross_price is None:
            continue

        def sides(line: Line = line) -> tuple[Decimal, Decimal]:
            expected = known(line.gross_price) - deducted(invoice, line.price_allowance)
            return expected, known(line.unit_price)

        names = ("gross_price", "price_allowance", "unit_price")
        yield compared(invoice, _fields(index, line, names), sides)


_NET = ("quantity", "unit_price", "price_base_quantity", "discount_rate", "net_amount")


def line_net(invoice: Invoice) -> Iterator[Outcome]:
    """PEPPOL-EN16931-R120: quantity x price, less allowances, plus charges = line net amount.

    As in Peppol, a quantity that is absent counts as 1, a price or a net amount as 0.
    """
    for index, line in enumerate(invoice.lines):

        def sides(line: Line = line) -> tuple[Decimal, Decimal]:
            if invoice.syntax is None:
                return _line_product(invoice, line), known(line.net_amount)
            quantity = ONE if line.quantity is None else known(line.quantity)
            price = or_zero(line.unit_price)
            return _with_parts(invoice, line, quantity * price), or_zero(line.net_amount)

        yield compared(invoice, _fields(index, line, _NET), sides, within_slack)


def line_net_exact(invoice: Invoice) -> Iterator[Outcome]:
    """LINE-NET: the same, and the line net amount is the exact product rounded up or down."""
    unit = minor_unit(invoice)

    def rounded(expected: Decimal, found: Decimal) -> bool:
        return abs(expected - found) < unit

    for index, line in enumerate(invoice.lines):
        if line.quantity is None or line.unit_price is None or line.net_amount is None:
            continue

        def sides(line: Line = line) -> tuple[Decimal, Decimal]:
            return _line_product(invoice, line), known(line.net_amount)

        yield compared(invoice, _fields(index, line, _NET), sides, rounded)


def tax_rate(invoice: Invoice) -> Iterator[Outcome]:
    """TAX-RATE: tax = rate x taxable, in each part of the breakdown, or at the lines' one rate.

    Taxes are rounded once or line by line, up or down: less than one minor unit for each line.
    """
    totals = invoice.totals
    slack = minor_unit(invoice) * max(1, len(invoice.lines))

    def rounded(expected: Decimal, found: Decimal) -> bool:
        return abs(expected - found) < slack

    for index, part in enumerate(invoice.tax_breakdown):
        if part.rate is not None and part.taxable is not None and part.tax is not None:
            fields = tuple(f"tax_breakdown[{index}].{name}" for name in ("taxable", "rate", "tax"))
            yield compared(
                invoice,
                fields,
                lambda part=part: (known(part.taxable) * known(part.rate) / 100, known(part.tax)),  # type: ignore[misc]
                rounded,
            )
    rates = {line.tax_rate.value for line in invoice.lines if line.tax_rate is not None}
    everywhere = all(line.tax_rate is not None for line in invoice.lines)
    if not invoice.tax_breakdown and everywhere and len(rates) == 1 and totals.tax_total:

        def sides() -> tuple[Decimal, Decimal]:
            rate = known(invoice.lines[0].tax_rate)
            return known(totals.tax_exclusive) * rate / 100, known(totals.tax_total)

        names = ("lines[0].tax_rate", "totals.tax_exclusive", "totals.tax_total")
        yield compared(invoice, names, sides, rounded)


def minor_unit(invoice: Invoice) -> Decimal:
    """The currency's smallest unit (CLDR): 0.01 for EUR, 1 for JPY; 0.01 when it is unknown.

    Of a sign for several currencies (yen and yuan) the largest that divides every amount.
    """
    said = invoice.currency
    if said is None or said.value or not said.readings:
        return _minor_unit((said and said.value) or "EUR")
    units = sorted({_minor_unit(code) for code in said.readings}, reverse=True)
    amounts = [line.net_amount for line in invoice.lines]
    amounts += [getattr(invoice.totals, name) for name in type(invoice.totals).model_fields]
    stated = [amount.value for amount in amounts if amount is not None and amount.value is not None]
    return next((unit for unit in units if all(value % unit == 0 for value in stated)), units[-1])


@cache
def _minor_unit(currency: str) -> Decimal:
    return ONE.scaleb(-get_currency_precision(currency))


def _line_product(invoice: Invoice, line: Line) -> Decimal:
    return _with_parts(invoice, line, known(line.quantity) * known(line.unit_price))


def _with_parts(invoice: Invoice, line: Line, product: Decimal) -> Decimal:
    base = or_zero(line.price_base_quantity)
    if base:
        product /= base
    if line.discount_rate is not None:
        product *= 1 - abs(known(line.discount_rate)) / 100
    if not line.allowances and not line.charges:
        return product
    taken = sum((deducted(invoice, part.amount) for part in line.allowances), ZERO)
    return product - taken + total(part.amount for part in line.charges)


def _fields(index: int, line: Line, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"lines[{index}].{name}" for name in names if getattr(line, name) is not None)

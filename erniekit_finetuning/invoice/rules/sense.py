"""Rules that compare no amounts: dates, required fields, duplicate lines, currency."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from erniekit_finetuning.invoice.amounts import currency_codes
from erniekit_finetuning.invoice.model import Invoice, Line, Printed
from erniekit_finetuning.invoice.rules.finding import Outcome, Status
from erniekit_finetuning.invoice.walk import leaves

# Fields of money by the list that they stand in.
_AMOUNTS = {
    "lines": ("unit_price", "gross_price", "price_allowance", "net_amount"),
    "allowances": ("amount", "base_amount"),
    "charges": ("amount", "base_amount"),
    "tax_breakdown": ("taxable", "tax"),
}


def date_order(invoice: Invoice) -> Iterator[Outcome]:
    """DATE-ORDER: due date not before issue date, end of period not before its start."""
    pairs = (("issue_date", "due_date"), ("period_start", "period_end"))
    for fields in pairs:
        first, second = (getattr(invoice, name) for name in fields)
        if first is None or second is None:
            continue
        if first.value is None or second.value is None:
            text = "a date has no certain reading"
            yield Outcome(Status.AMBIGUOUS, fields, message=text)
        elif second.value < first.value:
            text = f"{fields[1]} {second.value} is before {fields[0]} {first.value}"
            yield Outcome(Status.FAIL, fields, message=text)
        else:
            yield Outcome(Status.PASS, fields)


def required(invoice: Invoice) -> Iterator[Outcome]:
    """REQUIRED: what any invoice must say (BR-02, BR-03, BR-06, BR-15 and BR-16 of EN 16931)."""
    totals = invoice.totals
    needed = {
        "number": invoice.number,
        "issue_date": invoice.issue_date,
        "seller.name": invoice.seller.name,
        "lines": invoice.lines or None,
        "totals.payable": totals.payable or totals.tax_inclusive,
    }
    missing = tuple(name for name, value in needed.items() if value is None)
    if missing:
        yield Outcome(Status.FAIL, missing, message=f"missing: {', '.join(missing)}")
    else:
        yield Outcome(Status.PASS)


def duplicate_lines(invoice: Invoice) -> Iterator[Outcome]:
    """DUPLICATE-LINES: two lines with the same description, quantity, price and amount."""
    first: dict[tuple[object, ...], int] = {}
    found = False
    for index, line in enumerate(invoice.lines):
        if line.description is None or line.net_amount is None:
            continue
        earlier = first.setdefault(_identity(line), index)
        if earlier != index:
            found = True
            text = f"line {index + 1} repeats line {earlier + 1}"
            yield Outcome(Status.FAIL, (f"lines[{earlier}]", f"lines[{index}]"), message=text)
    if len(invoice.lines) > 1 and not found:
        yield Outcome(Status.PASS, ("lines",))


def _identity(line: Line) -> tuple[object, ...]:
    values: tuple[Printed[Any] | None, ...] = (
        line.description,
        line.gtin,
        line.quantity,
        line.unit,
        line.unit_price,
        line.net_amount,
    )
    return tuple(v and (v.printed if v.value is None else v.value) for v in values)


def one_currency(invoice: Invoice) -> Iterator[Outcome]:
    """CURRENCY: no amount of a page is printed in another currency than the document's.

    The tax in tax currency may name that one. Structured invoices print no currency with amounts.
    """
    if invoice.syntax is not None or invoice.currency is None or invoice.currency.value is None:
        return
    said = False
    for path, value in _amounts(invoice):
        codes = currency_codes(value.printed)
        if not codes:
            continue
        wanted = invoice.tax_currency if path.endswith("_in_tax_currency") else invoice.currency
        if wanted is None or wanted.value is None:
            continue
        said = True
        if wanted.value not in codes:
            text = f"{value.printed[:60]} is not in {wanted.value}"
            yield Outcome(Status.FAIL, (path, "currency"), message=text)
    if said:
        yield Outcome(Status.PASS, ("currency",))


def _amounts(invoice: Invoice) -> Iterator[tuple[str, Printed[Any]]]:
    """Every amount of money with its path."""
    yield from leaves(invoice.totals, "totals")
    for name in _AMOUNTS:
        yield from _of_parts(getattr(invoice, name), name)
    for index, line in enumerate(invoice.lines):
        for name in ("allowances", "charges"):
            yield from _of_parts(getattr(line, name), f"lines[{index}].{name}")


def _of_parts(parts: Sequence[Any], path: str) -> Iterator[tuple[str, Printed[Any]]]:
    fields = _AMOUNTS[path.rpartition(".")[2]]
    for index, part in enumerate(parts):
        for field in fields:
            value = getattr(part, field)
            if value is not None:
                yield f"{path}[{index}].{field}", value

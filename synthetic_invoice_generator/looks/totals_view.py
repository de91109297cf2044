"""The totals as a layout draws them: rows of label and value, and a table of the taxes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from erniekit_finetuning.invoice.model import Invoice, Printed, TaxSubtotal
from synthetic_invoice_generator.locale import LabelKey
from synthetic_invoice_generator.looks.fitting import line_scale
from synthetic_invoice_generator.looks.style import Style
from synthetic_invoice_generator.looks.text import unbroken

_BEFORE_TAX: tuple[LabelKey, ...] = (
    "line_total", "allowance_total", "charge_total", "tax_exclusive",
)  # fmt: skip
_Row = tuple[str, Printed[Any] | None]


def totals_view(invoice: Invoice, style: Style) -> Iterator[dict[str, Any]]:
    """Rows of label and value; the last is `strong`."""
    rows = [
        *_rows(invoice, style, _BEFORE_TAX),
        *_taxes(invoice, style),
        *_rows(invoice, style, ("tax_inclusive", "prepaid")),
    ]
    withheld = invoice.totals.withholding
    if withheld:
        label = style.labels["withholding"].format(rate=unbroken(style.withholding_rate))
        rows.append((label, withheld))
    rows += _rows(invoice, style, ("rounding", "payable"))
    present = [(label, value.printed) for label, value in rows if value is not None]
    for index, (label, text) in enumerate(present):
        colon = "" if label.endswith(":") else style.colon
        yield {
            "label": label + colon,
            "value": text,
            "strong": index == len(present) - 1,
            "scale": line_scale(f"{label} {text}", style),
        }


def tax_table(invoice: Invoice, style: Style) -> dict[str, Any] | None:
    """A table of the taxes, a row a rate, where they do not stand among the totals."""
    if not _in_a_table(invoice, style):
        return None
    keys: list[LabelKey] = ["tax_rate", "taxable", "tax_amount"]
    rows = [
        [_rate(row, index, style), _print(row.taxable), _print(row.tax)]
        for index, row in enumerate(invoice.tax_breakdown)
    ]
    if invoice.tax_breakdown[0].category:
        keys.insert(0, "tax_category")
        rows = [
            [_print(part.category), *row]
            for part, row in zip(invoice.tax_breakdown, rows, strict=True)
        ]
    return {"headings": [style.labels[key] for key in keys], "rows": rows}


def _in_a_table(invoice: Invoice, style: Style) -> bool:
    taxes = invoice.tax_breakdown
    return style.tax_table and bool(taxes) and all(row.taxable for row in taxes)


def _rows(invoice: Invoice, style: Style, keys: tuple[LabelKey, ...]) -> list[_Row]:
    return [(style.labels[key], getattr(invoice.totals, key)) for key in keys]


def _taxes(invoice: Invoice, style: Style) -> Iterator[_Row]:
    """The tax of each rate, their sum, and the sum in the seller's own currency."""
    totals, in_a_table = invoice.totals, _in_a_table(invoice, style)
    if not in_a_table:
        for index, row in enumerate(invoice.tax_breakdown):
            yield _tax_label(row, index, style), row.tax
    taxes = [row.tax.printed for row in invoice.tax_breakdown if row.tax]
    if totals.tax_total and (in_a_table or taxes != [totals.tax_total.printed]):
        yield style.labels["tax_total"], totals.tax_total
    if invoice.tax_currency:
        label = style.labels["tax_in_currency"].format(currency=invoice.tax_currency.printed)
        yield label, totals.tax_total_in_tax_currency


def _tax_label(row: TaxSubtotal, index: int, style: Style) -> str:
    """The words beside a tax: its rate, what it is taken from, its category."""
    rate = unbroken(_print(row.rate))
    taxable = unbroken(_print(row.taxable))
    if style.tax_parts:
        label = _rate(row, index, style)
        return f"{label} ({taxable})" if taxable else label
    if style.tax_included:
        return style.labels["tax_included"].format(rate=rate)
    label = style.labels["tax_on" if taxable else "tax"].format(rate=rate, taxable=taxable)
    return f"{label} ({row.category.printed})" if row.category else label


def _rate(row: TaxSubtotal, index: int, style: Style) -> str:
    """The rate; with the name of its part where one tax is printed in several."""
    rate = unbroken(_print(row.rate))
    if not style.tax_parts:
        return rate
    return style.tax_parts[index % len(style.tax_parts)].format(rate=rate)


def _print(value: Printed[Any] | None) -> str:
    return value.printed if value else ""

"""The table of lines as a layout draws it: headings, sides, cells."""

from __future__ import annotations

from typing import Any

from erniekit_finetuning.invoice.model import Invoice, Line, Printed
from synthetic_invoice_generator.locale import LabelKey
from synthetic_invoice_generator.looks.fitting import table_fits, table_scale
from synthetic_invoice_generator.looks.style import Style

_LEFT = ("description", "code", "gtin", "hs_code", "unit")
# Columns of noise, and where the style has their values.
_NOISE: dict[LabelKey, str] = {"code": "codes", "hs_code": "hs_codes", "origin": "origins"}


_SPARE: tuple[LabelKey, ...] = ("origin", "hs_code", "code", "position")


def table_view(invoice: Invoice, style: Style, needs_currency: bool) -> dict[str, Any]:
    """Columns with heading, key and side, the rows of cells, and the scale at which they fit.

    Columns of noise that a narrow page has no room for are left out.
    """
    keys = list(_columns(invoice, style))
    while True:
        headings = [_heading(key, invoice, style, needs_currency) for key in keys]
        rows = [
            [_cell(line, key, index, style) for key in keys]
            for index, line in enumerate(invoice.lines)
        ]
        spare = next((key for key in _SPARE if key in keys), None)
        if spare is None or table_fits(headings, rows, style):
            break
        keys.remove(spare)
    return {
        "columns": [
            {"key": key, "heading": heading, "side": _side(key, style)}
            for key, heading in zip(keys, headings, strict=True)
        ],
        "rows": rows,
        "table_scale": table_scale(headings, rows, style),
    }


def _columns(invoice: Invoice, style: Style) -> tuple[LabelKey, ...]:
    filled = {
        key
        for key in style.columns
        if any(getattr(line, key, None) is not None for line in invoice.lines)
    }
    present = [key for key in style.columns if key in filled]
    if any(line.tax_category for line in invoice.lines):
        present.insert(present.index("net_amount"), "tax_category")
    extra: tuple[tuple[LabelKey, bool], ...] = (
        ("code", bool(style.extras.codes)),
        ("gtin", any(line.gtin for line in invoice.lines)),
        ("hs_code", bool(style.extras.hs_codes)),
        ("origin", bool(style.extras.origins)),
    )
    for key, there in extra:
        if there:
            present.insert(present.index("description"), key)
    if style.extras.positions:
        present.insert(0, "position")
    return tuple(present)


def _heading(key: LabelKey, invoice: Invoice, style: Style, needs_currency: bool) -> str:
    text = style.labels[key]
    if key == "net_amount" and needs_currency and style.currency_place == "heading":
        assert invoice.currency is not None
        return f"{text} {invoice.currency.printed}"
    return text


def _side(key: LabelKey, style: Style) -> str:
    if key in _LEFT:
        return "left"
    return "center" if style.centred_numbers and key != "net_amount" else "right"


def _cell(line: Line, key: LabelKey, index: int, style: Style) -> str:
    if key == "position":
        return str(index + 1)
    if key in _NOISE:
        column: tuple[str, ...] = getattr(style.extras, _NOISE[key])
        return column[index % len(column)]
    value: Printed[Any] | None = getattr(line, key)
    return value.printed if value else ""

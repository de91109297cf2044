"""What a layout draws: an invoice and a style turned into plain strings, in order."""

from __future__ import annotations

from typing import Any

from erniekit_finetuning.invoice.model import Invoice, Party
from synthetic_invoice_generator.locale import LabelKey
from synthetic_invoice_generator.looks.fitting import (
    address_scale,
    footer_height,
    name_scale,
    rows_scale,
)
from synthetic_invoice_generator.looks.fonts import ALWAYS
from synthetic_invoice_generator.looks.foot_view import (
    account_view,
    footer_view,
    marks_view,
    notes_view,
    registers,
    terms_view,
)
from synthetic_invoice_generator.looks.meta_view import meta_columns, meta_view
from synthetic_invoice_generator.looks.style import Style
from synthetic_invoice_generator.looks.table_view import table_view
from synthetic_invoice_generator.looks.text import unbroken, with_colon
from synthetic_invoice_generator.looks.totals_view import tax_table, totals_view

_LOOK = (
    "paper", "landscape", "size", "margin", "gap", "accent", "arrangement", "swapped", "rules",
    "zebra", "bold_labels", "logo", "totals_side", "totals_at_foot", "tax_table_first",
)  # fmt: skip


def page_view(invoice: Invoice, style: Style) -> dict[str, Any]:
    """The JSON that a layout gets: printed strings and look, nothing left to compute."""
    needs_currency = _currency_unsaid(invoice)
    meta = list(meta_view(invoice, style, needs_currency))
    table = table_view(invoice, style, needs_currency)
    footer = footer_view(invoice, style)
    look = {name: getattr(style, name) for name in _LOOK} | {
        # A second face by name: of those that typst would find itself, a folder's order decides.
        "font": [style.face.name, *ALWAYS],
        "hand": [style.hand.name, style.face.name],
        "label": style.label_position,
        "meta_columns": meta_columns(meta),
        "meta_scale": rows_scale(meta, style),
        "bottom": footer_height(footer, style),
        "table_scale": table.pop("table_scale"),
    }
    return {
        "look": look,
        "title": _title(invoice, style),
        "seller": _party(invoice.seller, style, "seller", style.seller_heading)
        | {"registers": [_fitted(row, style) for row in registers(invoice, style, "block")]},
        "buyer": _party(invoice.buyer, style, "buyer", style.buyer_heading)
        | {"also": _deliver_to(style)},
        "meta": meta,
        **table,
        "totals": list(totals_view(invoice, style)),
        "taxes": tax_table(invoice, style),
        "terms": terms_view(invoice, style),
        "account": list(account_view(invoice, style)),
        "intro": list(style.extras.intro),
        "notes": list(notes_view(invoice, style, needs_currency)),
        "marks": marks_view(invoice, style),
        "footer": footer,
        "page": style.extras.page,
        "slip": style.labels["payment_slip"],
        "conditions": {
            "heading": style.labels["conditions"],
            "clauses": list(style.extras.conditions),
        },
    }


def _title(invoice: Invoice, style: Style) -> str:
    if style.title_with_number and invoice.number:
        return f"{style.labels['number']} {invoice.number.printed}"
    return style.labels[style.title]


def _party(party: Party, style: Style, key: LabelKey, heading: bool) -> dict[str, Any]:
    lines = party.address.printed.split("\n") if party.address else []
    vat = None
    if party.vat_id and style.vat_place == "block":
        label = with_colon(style.labels["vat_id"], style.colon)
        vat = f"{label} {unbroken(party.vat_id.printed)}"
    name = party.name.printed if party.name else ""
    title = with_colon(style.labels[key], style.colon) if heading and name else None
    return {
        "heading": title,
        "name": name,
        "scale": name_scale(name, title, style),
        "address_scale": address_scale(lines, style),
        "lines": lines,
        "vat": vat,
        "registers": [],
        "also": None,
        "return_line": " · ".join([name, *lines]) if style.return_line else None,
    }


def _fitted(row: str, style: Style) -> dict[str, Any]:
    return {"text": row, "scale": address_scale([row], style)}


def _deliver_to(style: Style) -> dict[str, Any] | None:
    """The address that goods are sent to: rows under a heading, below the buyer."""
    rows = style.extras.deliver_to
    return {"heading": style.labels["deliver_to"], "lines": list(rows)} if rows else None


def _currency_unsaid(invoice: Invoice) -> bool:
    """Whether no amount of the page says the currency."""
    if invoice.currency is None:
        return False
    said = invoice.currency.printed
    amounts = [line.net_amount for line in invoice.lines]
    amounts += [getattr(invoice.totals, name) for name in type(invoice.totals).model_fields]
    return not any(amount and said in amount.printed for amount in amounts)

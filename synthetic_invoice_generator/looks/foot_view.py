"""What stands below the totals: terms, account, notes, marks, the small print of the page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from erniekit_finetuning.invoice.model import Invoice
from synthetic_invoice_generator.locale import LabelKey
from synthetic_invoice_generator.looks.fitting import line_scale
from synthetic_invoice_generator.looks.meta_view import terms_in_meta
from synthetic_invoice_generator.looks.qr import code_text, squares
from synthetic_invoice_generator.looks.style import Style
from synthetic_invoice_generator.looks.text import unbroken, with_colon

_ACCOUNT: tuple[LabelKey, ...] = ("iban", "bic")


def terms_view(invoice: Invoice, style: Style) -> dict[str, Any] | None:
    """The terms of payment, where they do not stand among the invoice's data."""
    if invoice.payment_terms is None or terms_in_meta(invoice, style):
        return None
    label = "" if style.swapped else style.labels["payment_terms"] + style.colon
    text = invoice.payment_terms.printed
    return {"label": label, "value": text, "scale": line_scale(f"{label} {text}", style)}


def account_view(invoice: Invoice, style: Style) -> Iterator[dict[str, str]]:
    """Where to pay, as rows of label and value."""
    for account in invoice.accounts:
        if style.extras.bank:
            yield {
                "label": with_colon(style.labels["bank"], style.colon),
                "value": unbroken(style.extras.bank),
            }
        for key in _ACCOUNT:
            value = getattr(account, key)
            if value:
                label = with_colon(style.labels[key], style.colon)
                yield {"label": label, "value": unbroken(value.printed)}


def notes_view(invoice: Invoice, style: Style, needs_currency: bool) -> Iterator[str]:
    """Sentences below the totals."""
    if needs_currency and style.currency_place == "note" and invoice.currency:
        label = with_colon(style.labels["currency"], style.colon)
        yield f"{label} {invoice.currency.printed}"
    yield from style.extras.notes


def footer_view(invoice: Invoice, style: Style) -> list[str]:
    """The small print: register numbers, where the style has them there, and noise."""
    return [*registers(invoice, style, "footer"), *style.extras.footer]


def registers(invoice: Invoice, style: Style, place: str) -> list[str]:
    """The seller's numbers at the tax office and in the register, where they stand in `place`."""
    if style.register_place != place:
        return []
    keys: tuple[LabelKey, ...] = ("tax_number", "legal_id")
    values = [(key, getattr(invoice.seller, key)) for key in keys]
    return [
        f"{with_colon(style.labels[key], style.colon)} {unbroken(value.printed)}"
        for key, value in values
        if value
    ]


def marks_view(invoice: Invoice, style: Style) -> dict[str, Any]:
    """Stamp, signature and QR code; null where the page has none."""
    marks = style.marks
    stamp = marks.stamp and {
        "rows": [unbroken(row) for row in marks.stamp.rows],
        "degrees": marks.stamp.degrees,
        "ink": marks.stamp.ink,
        "shape": marks.stamp.shape,
    }
    signature = marks.signature and {
        "name": marks.signature,
        "label": style.labels["signature"],
    }
    code = qr_text(invoice, style)
    return {"stamp": stamp, "signature": signature, "code": code and squares(code)}


def qr_text(invoice: Invoice, style: Style) -> str | None:
    """What the page's QR code says; None where it has none."""
    kind = style.marks.code
    return None if kind is None else code_text(invoice, kind, style.extras.site)

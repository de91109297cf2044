"""The truth of a document as JSON, in the shape synthetic manifests have in the field."""

from __future__ import annotations

from typing import Any

from erniekit_finetuning.invoice.model import Invoice, Line, Party, Printed
from synthetic_invoice_generator.draft import Draft


def ground_truth(draft: Draft, invoice: Invoice) -> dict[str, Any]:
    """The flat fields and, under "invoice", the whole Invoice (`invoice` carries the places).

    Amounts and rates are exact decimal strings, dates ISO, null is not printed. `subtotal` is the
    sum of the lines, or the total without tax where only that is printed; `grand_total` is the
    total with tax, or the payable amount. A charge (freight) stands only under "invoice".
    """
    totals = invoice.totals
    return {
        "invoice_id": _plain(invoice.number),
        "issue_date": _plain(invoice.issue_date),
        "due_date": _plain(invoice.due_date),
        "currency": _plain(invoice.currency),
        "language": draft.locale.partition("-")[0],
        "layout_type": draft.style.family,
        "vendor": _party(invoice.seller),
        "client": _party(invoice.buyer),
        "items": [_item(line) for line in invoice.lines],
        "payment_terms": _plain(invoice.payment_terms),
        "subtotal": _plain(totals.line_total or totals.tax_exclusive),
        "tax_total": _plain(totals.tax_total),
        "discount_total": _plain(totals.allowance_total),
        "grand_total": _plain(totals.tax_inclusive or totals.payable),
        "invoice": invoice.model_dump(mode="json", exclude_none=True),
    }


def _party(party: Party) -> dict[str, str | None]:
    return {
        "name": _plain(party.name),
        "address": _plain(party.address),
        "tax_id": _plain(party.vat_id),
    }


def _item(line: Line) -> dict[str, str | None]:
    return {
        "description": _plain(line.description),
        "quantity": _plain(line.quantity),
        "unit_price": _plain(line.unit_price),
        "tax_rate": _plain(line.tax_rate),
        "discount": _plain(line.discount_rate),
    }


def _plain(printed: Printed[Any] | None) -> str | None:
    return None if printed is None or printed.value is None else str(printed.value)

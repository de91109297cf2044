"""The truth of a document in the flat shape that synthetic manifests have in the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.invoice.model import Invoice, Line, Party, Printed
from erniekit_finetuning.invoice.own_json import to_own

# key -> (block, key) of the answer
_FIELDS = {
    "invoice_id": ("client_info", "invoice_number"),
    "issue_date": ("client_info", "invoice_date"),
    "due_date": ("client_info", "due_date"),
    "currency": ("financial_summary", "currency"),
    "subtotal": ("financial_summary", "subtotal"),
    "tax_total": ("financial_summary", "tax"),
    "discount_total": ("financial_summary", "discount"),
    "grand_total": ("financial_summary", "grand_total"),
}
KEYS = {*_FIELDS, "vendor", "client", "items", "payment_terms", "language", "layout_type"}


def to_ground_truth(invoice: Invoice, layout_type: str) -> dict[str, Any]:
    """The flat fields and, under "invoice", the whole Invoice with its prints and places.

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
        "language": invoice.language,
        "layout_type": layout_type,
        "vendor": _party(invoice.seller),
        "client": _party(invoice.buyer),
        "items": [_item(line) for line in invoice.lines],
        "payment_terms": _plain(invoice.payment_terms),
        "subtotal": _plain(totals.line_total or totals.tax_exclusive),
        "tax_total": _plain(totals.tax_total),
        "discount_total": _plain(totals.allowance_total),
        "grand_total": _plain(totals.tax_inclusive or totals.payable),
        "invoice": to_own(invoice),
    }


def answer_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """The flat fields in the answer's blocks; raises UnusableInput for a party of a wrong type."""
    answer: dict[str, Any] = {
        "vendor_block": _party_block(data.get("vendor"), "vendor"),
        "client_info": _party_block(data.get("client"), "client"),
        "financial_summary": {},
        "line_items": data.get("items"),
        "payment_terms": data.get("payment_terms"),
    }
    for key, (block, name) in _FIELDS.items():
        answer[block][name] = data.get(key)
    return answer


def _party_block(data: Any, field: str) -> dict[str, Any]:
    if data is None:
        return {}
    if isinstance(data, str):
        return {"name": data}
    if not isinstance(data, Mapping):
        raise UnusableInput(Problem("not an object", field=field, found=type(data).__name__))
    return {("tax_id" if key == "vat_id" else key): value for key, value in data.items()}


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

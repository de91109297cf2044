"""Labelled data in the shapes found in the field, to an Invoice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.invoice import response
from erniekit_finetuning.invoice.model import Invoice
from erniekit_finetuning.invoice.response import Read
from erniekit_finetuning.invoice.values import typed

# ground truth key -> (block, key) of the answer
_GROUND_TRUTH = {
    "invoice_id": ("client_info", "invoice_number"),
    "issue_date": ("client_info", "invoice_date"),
    "due_date": ("client_info", "due_date"),
    "currency": ("financial_summary", "currency"),
    "subtotal": ("financial_summary", "subtotal"),
    "tax_total": ("financial_summary", "tax"),
    "discount_total": ("financial_summary", "discount"),
    "grand_total": ("financial_summary", "grand_total"),
}
# flat field names that extraction tools use -> (block, key) of the answer
_FLAT = {
    **{key: ("client_info", key) for key in ("invoice_number", "invoice_date", "due_date")},
    **{key: ("financial_summary", key) for key in response.SUMMARY},
    "invoice_id": ("client_info", "invoice_number"),
    "issue_date": ("client_info", "invoice_date"),
    "date": ("client_info", "invoice_date"),
    "vendor_name": ("vendor_block", "name"),
    "seller_name": ("vendor_block", "name"),
    "supplier_name": ("vendor_block", "name"),
    "vendor_address": ("vendor_block", "address"),
    "vendor_tax_id": ("vendor_block", "tax_id"),
    "client_name": ("client_info", "name"),
    "buyer_name": ("client_info", "name"),
    "customer_name": ("client_info", "name"),
    "client_address": ("client_info", "address"),
    "tax_total": ("financial_summary", "tax"),
    "tax_amount": ("financial_summary", "tax"),
    "discount_total": ("financial_summary", "discount"),
    "total": ("financial_summary", "grand_total"),
    "total_amount": ("financial_summary", "grand_total"),
}


def read_invoice(data: Any) -> Read:
    """Read our own JSON, an answer, the field's ground truth or flat fields into a typed Invoice.

    A ground truth that carries our own JSON under `invoice` is read from there: it keeps the
    prints. Keys that an Invoice has no place for are listed in the result's `unknown`. Raises
    UnusableInput for values of the wrong type, and where no key is known.
    """
    if not isinstance(data, Mapping):
        raise UnusableInput(Problem("not an object", found=type(data).__name__))
    if isinstance(data.get("invoice"), Mapping):
        return Read(_own(data["invoice"]))
    if data.keys() & {"seller", "totals", "lines"}:
        return Read(_own(data))
    if data.keys() & {"structured_data", *response.BLOCKS}:
        return _typed(data, ())
    if data.keys() & {"vendor", "client", "items", "grand_total"} and "line_items" not in data:
        known = {*_GROUND_TRUTH, "vendor", "client", "items", "payment_terms"}
        return _typed(_from_ground_truth(data), data.keys() - known - {"language", "layout_type"})
    unknown = data.keys() - {*_FLAT, "line_items", "items", "payment_terms"}
    if unknown == data.keys():
        raise UnusableInput(
            Problem(
                "no field of an invoice is in it",
                found=", ".join(sorted(map(str, unknown))[:8]) or "an empty object",
                expected="an answer, a ground truth, or fields such as " + ", ".join([*_FLAT][:4]),
            )
        )
    return _typed(_from_flat(data), unknown)


def _typed(answer: Mapping[str, Any], unknown: Iterable[str]) -> Read:
    read = response.from_structured_data(answer)
    return Read(typed(read.invoice), tuple(sorted([*read.unknown, *unknown])))


def _own(data: Mapping[str, Any]) -> Invoice:
    try:
        return Invoice.model_validate(data)
    except ValidationError as error:
        raise UnusableInput(
            [
                Problem(fault["msg"], field=".".join(map(str, fault["loc"])))
                for fault in error.errors(include_url=False)
            ]
        ) from error


def _from_ground_truth(data: Mapping[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "vendor_block": _party(data.get("vendor"), "vendor"),
        "client_info": _party(data.get("client"), "client"),
        "financial_summary": {},
        "line_items": data.get("items"),
        "payment_terms": data.get("payment_terms"),
    }
    for key, (block, name) in _GROUND_TRUTH.items():
        answer[block][name] = data.get(key)
    return answer


def _party(data: Any, field: str) -> dict[str, Any]:
    if data is None:
        return {}
    if isinstance(data, str):
        return {"name": data}
    if not isinstance(data, Mapping):
        raise UnusableInput(Problem("not an object", field=field, found=type(data).__name__))
    return {("tax_id" if key == "vat_id" else key): value for key, value in data.items()}


def _from_flat(data: Mapping[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {block: {} for block in response.BLOCKS}
    for name, value in data.items():
        if name in _FLAT:
            block, key = _FLAT[name]
            answer[block][key] = value
    answer["line_items"] = data.get("line_items", data.get("items"))
    answer["payment_terms"] = data.get("payment_terms")
    return answer

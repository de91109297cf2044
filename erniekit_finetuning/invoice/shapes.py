"""Invoices in the JSON shapes found in the field, to an Invoice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from erniekit_finetuning.errors import Problem, UnusableInput, brief
from erniekit_finetuning.invoice import ground_truth, plain, response
from erniekit_finetuning.invoice.own_json import from_own
from erniekit_finetuning.invoice.response import Read
from erniekit_finetuning.invoice.values import typed

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


def read_invoice(data: Any, values: bool = True) -> Read:
    """Read any of the shapes that invoices have in JSON into an Invoice.

    With `values` its prints are typed; without, only what carries values in its own shape has
    them, which is five times as fast and enough for an answer that holds prints.

    Our own JSON, the plain record (`plain.py`), an answer, the field's ground truth, or flat
    fields. A record that carries one of them under `invoice` is read from there: a ground truth
    of ours keeps its prints so. Keys that an Invoice has no place for are listed in `unknown`.
    Raises UnusableInput for values of the wrong type, and where no key is known.
    """
    if isinstance(data, Mapping) and isinstance(data.get("invoice"), Mapping):
        return _read(data["invoice"], values)
    return _read(data, values)


def _read(data: Any, values: bool) -> Read:
    if not isinstance(data, Mapping):
        raise UnusableInput(
            Problem("not an object", found=brief(data), expected="an invoice as a JSON object")
        )
    if data.keys() & plain.MARKS:
        return Read(plain.from_plain(data))
    if data.keys() & {"seller", "buyer", "totals", "lines"}:
        return Read(from_own(data))
    if data.keys() & {"structured_data", *response.BLOCKS}:
        return _from_answer(data, (), values)
    if data.keys() & {"vendor", "client", "items", "grand_total"} and "line_items" not in data:
        language = data.get("language")
        return _from_answer(
            ground_truth.answer_of(data),
            data.keys() - ground_truth.KEYS,
            values,
            language if isinstance(language, str) else None,
        )
    unknown = data.keys() - {*_FLAT, "line_items", "items", "payment_terms"}
    if unknown == data.keys():
        raise UnusableInput(
            Problem(
                "no field of an invoice is in it",
                found=", ".join(sorted(map(brief, unknown))[:8]) or "an empty object",
                expected="an answer, a ground truth, or fields such as " + ", ".join([*_FLAT][:4]),
            )
        )
    return _from_answer(_from_flat(data), unknown, values)


def _from_answer(
    answer: Mapping[str, Any], unknown: Iterable[str], values: bool, language: str | None = None
) -> Read:
    read = response.from_structured_data(answer)
    invoice = read.invoice
    if language is not None:
        invoice = invoice.model_copy(update={"language": language})
    return Read(typed(invoice) if values else invoice, tuple(sorted([*read.unknown, *unknown])))


def _from_flat(data: Mapping[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {block: {} for block in response.BLOCKS}
    for name, value in data.items():
        if name in _FLAT:
            block, key = _FLAT[name]
            answer[block][key] = value
    answer["line_items"] = data.get("line_items", data.get("items"))
    answer["payment_terms"] = data.get("payment_terms")
    return answer

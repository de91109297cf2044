"""The answer a model gives, in the field's shape, and the Invoice: printed strings both ways.

    {"structured_data": {"vendor_block": .., "client_info": .., "line_items": [..],
                         "financial_summary": .., "payment_terms": ..},
     "validation_summary": {"is_valid": .., "math_verified": .., "issues": [..]}}

Every leaf of structured_data is the string as printed, or null when the document does not print it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

from erniekit_finetuning.errors import Problem, UnusableInput, brief
from erniekit_finetuning.invoice.model import MAX_PRINT, Invoice, Printed, Totals, bounded
from erniekit_finetuning.invoice.own_json import from_own

# key of the answer -> path in the Invoice
VENDOR = {"name": "seller.name", "address": "seller.address", "tax_id": "seller.vat_id"}
CLIENT = {
    "name": "buyer.name",
    "address": "buyer.address",
    "tax_id": "buyer.vat_id",
    "invoice_number": "number",
    "invoice_date": "issue_date",
    "due_date": "due_date",
}
SUMMARY = {
    "subtotal": "totals.line_total",
    "discount": "totals.allowance_total",
    "charges": "totals.charge_total",
    "net_total": "totals.tax_exclusive",
    "tax": "totals.tax_total",
    "grand_total": "totals.tax_inclusive",
    "prepaid": "totals.prepaid",
    "amount_due": "totals.payable",
    "currency": "currency",
}
LINE = {
    "description": "description",
    "quantity": "quantity",
    "unit_price": "unit_price",
    "discount": "discount_rate",
    "tax_rate": "tax_rate",
    "line_total": "net_amount",
}
BLOCKS = {"vendor_block": VENDOR, "client_info": CLIENT, "financial_summary": SUMMARY}


class Read(NamedTuple):
    """An Invoice read from JSON, and the paths of keys that have no place in it."""

    invoice: Invoice
    unknown: tuple[str, ...] = ()


def structured_data(invoice: Invoice) -> dict[str, Any]:
    """The `structured_data` of the answer: what the document prints, nothing computed.

    Paper often prints one amount for two terms. One net amount stands under subtotal (net_total
    null) unless an allowance or charge lies between them; one final amount stands under
    grand_total (amount_due null) unless something was prepaid.
    """
    summary = _block(invoice, SUMMARY)
    if _one_net_amount(invoice) and _one_of(summary["subtotal"], summary["net_total"]):
        summary["subtotal"] = summary["subtotal"] or summary["net_total"]
        summary["net_total"] = None
    if summary["prepaid"] is None and _one_of(summary["grand_total"], summary["amount_due"]):
        summary["grand_total"] = summary["grand_total"] or summary["amount_due"]
        summary["amount_due"] = None
    return {
        "vendor_block": _block(invoice, VENDOR),
        "client_info": _block(invoice, CLIENT),
        "line_items": [_block(line, LINE) for line in invoice.lines],
        "financial_summary": summary,
        "payment_terms": _printed(invoice, "payment_terms"),
    }


def from_structured_data(data: Any) -> Read:
    """Read an answer's `structured_data` (or the whole answer) into an untyped Invoice.

    Numbers are taken as their JSON text. Keys that are not part of the shape are listed; values of
    the wrong type raise UnusableInput with all of them. One printed amount that stands for two
    terms (see `structured_data`) fills both.
    """
    if isinstance(data, Mapping) and "structured_data" in data:
        data = data["structured_data"]
    problems: list[Problem] = []
    unknown: list[str] = []
    fields: dict[str, Any] = {"seller": {}, "buyer": {}, "totals": {}}
    blocks = _mapping(data, "structured_data", problems)
    unknown += blocks.keys() - {*BLOCKS, "line_items", "payment_terms"}
    for name, keys in BLOCKS.items():
        for path, leaf in _leaves(blocks.get(name), keys, name, problems, unknown):
            parent, _, field = path.rpartition(".")
            (fields[parent] if parent else fields)[field] = leaf
    items = blocks.get("line_items") or []
    if not isinstance(items, list):
        problems.append(Problem("not a list", field="line_items", found=brief(items)))
        items = []
    fields["lines"] = tuple(
        dict(_leaves(item, LINE, f"line_items[{index}]", problems, unknown))
        for index, item in enumerate(items)
    )
    terms = blocks.get("payment_terms")
    if terms is not None and terms != "":
        read_terms = _leaf(terms, "payment_terms", problems)
        if read_terms is not None:
            fields["payment_terms"] = read_terms
    if problems:
        raise UnusableInput(problems)
    totals = fields["totals"]
    if "prepaid" not in totals and "tax_inclusive" in totals:
        totals.setdefault("payable", totals["tax_inclusive"])
    if not {"allowance_total", "charge_total"} & totals.keys() and "line_total" in totals:
        totals.setdefault("tax_exclusive", totals["line_total"])
    return Read(from_own(fields), tuple(sorted(unknown)))


def printed_once(invoice: Invoice) -> Invoice:
    """Without the second of two terms that one printed amount stands for.

    Else the rule that links the two terms would pass by itself, and one wrong amount would count
    as two.
    """
    totals = invoice.totals
    change: dict[str, Any] = {}
    if _one_net_amount(invoice):
        change |= _folded(totals, "line_total", "tax_exclusive")
    if totals.prepaid is None:
        change |= _folded(totals, "tax_inclusive", "payable")
    return invoice.model_copy(update={"totals": totals.model_copy(update=change)})


def _folded(totals: Totals, first: str, second: str) -> dict[str, Any]:
    one, other = getattr(totals, first), getattr(totals, second)
    if one is None or other is None or one.printed == other.printed or _equal(one, other):
        return {first: one or other, second: None}
    return {}


def _equal(one: Printed[Any], other: Printed[Any]) -> bool:
    return one.value is not None and one.value == other.value


def _one_net_amount(invoice: Invoice) -> bool:
    return invoice.totals.allowance_total is None and invoice.totals.charge_total is None


def _one_of(first: str | None, second: str | None) -> bool:
    return first is None or second is None or first == second


def _block(parent: Any, keys: Mapping[str, str]) -> dict[str, str | None]:
    return {key: _printed(parent, path) for key, path in keys.items()}


def _printed(parent: Any, path: str) -> str | None:
    value = _getter(path)(parent)
    return value.printed if isinstance(value, Printed) else None


@cache
def _getter(path: str) -> attrgetter[Any]:
    return attrgetter(path)


def _leaves(
    block: Any,
    keys: Mapping[str, str],
    name: str,
    problems: list[Problem],
    unknown: list[str],
) -> list[tuple[str, dict[str, str]]]:
    values = _mapping(block, name, problems)
    unknown += [f"{name}.{key}" for key in values if key not in keys]
    leaves = []
    for key, path in keys.items():
        value = values.get(key)
        if value is not None and value != "":
            leaf = _leaf(value, f"{name}.{key}", problems)
            if leaf is not None:
                leaves.append((path, leaf))
    return leaves


def _leaf(value: Any, field: str, problems: list[Problem]) -> dict[str, str] | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        problems.append(
            Problem("not a value", field=field, found=brief(value), expected="a string or null")
        )
        return None
    # Not 1e999999999: written out it would fill the memory.
    short = isinstance(value, Decimal) and bounded(value)
    printed = f"{value:f}" if short else str(value)
    if len(printed) > MAX_PRINT:
        found, limit = f"{len(printed):,} characters", f"at most {MAX_PRINT:,}"
        problems.append(Problem("too long", field=field, found=found, expected=limit))
        return None
    return {"printed": printed}


def _mapping(value: Any, field: str, problems: list[Problem]) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict) and not isinstance(value, Mapping):  # the first is quick
        problems.append(
            Problem("not an object", field=field, found=brief(value), expected="an object")
        )
        return {}
    return value

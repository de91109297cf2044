"""The JSON Schema of an answer of our shape: what decoding and services hold a model to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from erniekit_finetuning.invoice.model import Invoice, Line
from erniekit_finetuning.invoice.response import structured_data

MOST_ISSUES = 20
LONGEST_ISSUE = 400  # characters

# How each value is printed, by its key. All that invoices' numbers share is a digit.
_PRINTED = {
    **dict.fromkeys(("name", "address", "description", "payment_terms"), "rows"),
    **dict.fromkeys(("invoice_date", "due_date"), "date"),
    **dict.fromkeys(("unit_price", "line_total", "subtotal", "charges", "net_total"), "amount"),
    **dict.fromkeys(("tax", "grand_total", "prepaid", "amount_due"), "amount"),
    **dict.fromkeys(("tax_id", "invoice_number"), "identifier"),
    "quantity": "number",
    "tax_rate": "rate",
    "currency": "currency",
}
_DISCOUNT = {"line_items": "rate", "financial_summary": "amount"}  # by the block that it stands in


@cache
def answer_schema(full_analysis: bool = False) -> dict[str, Any]:
    """JSON Schema (2020-12): every key required and no other, every value a string or null.

    A validation_summary is in it only for a full analysis: else code computes that, not a model.
    `printed` says how a value is printed, see docs/decoding.md; other readers ignore it.
    """
    # The shape is that of an empty invoice with one line, so it is written down in one place only.
    data = _schema(structured_data(Invoice(lines=(Line(),))), "", "")
    summary = {"validation_summary": _summary()} if full_analysis else {}
    return _object({"structured_data": data, **summary})


def _schema(shape: Any, key: str, block: str) -> dict[str, Any]:
    if isinstance(shape, Mapping):
        return _object({name: _schema(part, name, key or block) for name, part in shape.items()})
    if isinstance(shape, list):
        return {"type": "array", "items": _schema(shape[0], key, block)}
    printed = _DISCOUNT[block] if key == "discount" else _PRINTED[key]
    return {"type": ["string", "null"], "printed": printed}


def _summary() -> dict[str, Any]:
    """What `labelling.validation_summary` makes; an issue is the rules' wording, not the page's."""
    issue = {"type": "string", "maxLength": LONGEST_ISSUE, "grounding": "off"}
    return _object(
        {
            "is_valid": {"type": "boolean"},
            "math_verified": {"type": "boolean"},
            "issues": {"type": "array", "maxItems": MOST_ISSUES, "items": issue},
        }
    )


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }

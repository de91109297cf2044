"""The fields of our own answers: where each stands in the answer's JSON, and its kind."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from erniekit_finetuning.confidence.kinds import Kind
from erniekit_finetuning.invoice.response import BLOCKS, CLIENT, LINE, SUMMARY, VENDOR

_KEYS = {
    path: f"structured_data.{b}.{key}" for b, keys in BLOCKS.items() for key, path in keys.items()
}
_COLUMNS = {name: key for key, name in LINE.items()}
# One print may stand under either of two keys; see `response.structured_data`.
_OTHER = {
    "totals.tax_inclusive": "totals.payable",
    "totals.payable": "totals.tax_inclusive",
    "totals.line_total": "totals.tax_exclusive",
    "totals.tax_exclusive": "totals.line_total",
}
_LINE = re.compile(r"lines\[(\d+)\]\.(.+)")

FIELDS = (*VENDOR.values(), *CLIENT.values(), *SUMMARY.values(), "payment_terms")
COLUMNS = tuple(LINE.values())


def kind_of(field: str) -> Kind:
    """The kind of a field of an invoice, or of a column of its lines.

    >>> [*map(str, map(kind_of, ("issue_date", "totals.payable", "lines[0].description")))]
    ['date', 'amount', 'text']
    """
    if field in ("issue_date", "due_date"):
        return Kind.DATE
    column = field.startswith("lines[") and not field.endswith(".description")
    return Kind.AMOUNT if column or field.startswith("totals.") else Kind.TEXT


def answer_paths(field: str) -> tuple[str, ...]:
    """Where an answer may say a field of the invoice: the field's own key first.

    >>> answer_paths("lines[2].net_amount")
    ('structured_data.line_items[2].line_total',)
    >>> answer_paths("totals.payable")[0]
    'structured_data.financial_summary.amount_due'
    """
    if found := _LINE.fullmatch(field):
        key = _COLUMNS.get(found[2])
        return () if key is None else (f"structured_data.line_items[{found[1]}].{key}",)
    if field == "payment_terms":
        return ("structured_data.payment_terms",)
    return tuple(_KEYS[one] for one in (field, _OTHER.get(field)) if one in _KEYS)


def said_fields(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every field that an answer speaks of, null or not, with its path in the answer."""
    lines = data["structured_data"].get("line_items") or ()
    for index in range(len(lines)):
        for column in COLUMNS:
            yield f"lines[{index}].{column}", answer_paths(f"lines[{index}].{column}")[0]
    for field in FIELDS:
        yield field, answer_paths(field)[0]

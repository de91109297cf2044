"""The plain record: one flat JSON object an invoice, amounts as exact decimal strings.

    {"kind": "invoice", "syntax": "UBL", "currency": "EUR", "lines": [{"quantity": "2", ..}],
     "vat_breakdown": [{"category": "S", "rate": "19", "taxable": "20", "tax": "3.80"}],
     "line_total": "20", "tax_exclusive": "20", "tax_total": "3.80",
     "tax_totals": [{"currency": "EUR", "amount": "3.80"}], ..}

null or a missing key means that the document does not say it. Only what EN 16931's arithmetic
needs is in it; dates are ISO.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.invoice.model import Invoice, Kind, Printed, Syntax
from erniekit_finetuning.invoice.record_reader import RecordReader, Table

_PARTY: Table = {"name": ("name", str), "vat_id": ("vat_id", str), "city": ("city", str)}
_PARTY |= {"country": ("country", str)}
_PART: Table = {
    "amount": ("amount", Decimal),
    "base_amount": ("base_amount", Decimal),
    "percent": ("percent", Decimal),
    "reason": ("reason", str),
    "vat_category": ("tax_category", str),
    "vat_rate": ("tax_rate", Decimal),
}
_LINE: Table = {
    "id": ("id", str),
    "name": ("description", str),
    "quantity": ("quantity", Decimal),
    "unit": ("unit", str),
    "unit_price": ("unit_price", Decimal),
    "price_base_quantity": ("price_base_quantity", Decimal),
    "gross_price": ("gross_price", Decimal),
    "price_allowance": ("price_allowance", Decimal),
    "net_amount": ("net_amount", Decimal),
    "vat_category": ("tax_category", str),
    "vat_rate": ("tax_rate", Decimal),
}
_SUBTOTAL: Table = {
    "category": ("category", str),
    "rate": ("rate", Decimal),
    "taxable": ("taxable", Decimal),
    "tax": ("tax", Decimal),
}
_HEAD: Table = {
    "number": ("number", str),
    "type_code": ("type_code", str),
    "issue_date": ("issue_date", date),
    "due_date": ("due_date", date),
    "currency": ("currency", str),
    "tax_currency": ("tax_currency", str),
}
_TOTAL_NAMES = [
    "line_total",
    "allowance_total",
    "charge_total",
    "tax_exclusive",
    "tax_total",
    "tax_inclusive",
    "prepaid",
    "rounding",
    "payable",
]
_TOTALS: Table = {name: (name, Decimal) for name in _TOTAL_NAMES}
_TAX_TOTAL: Table = {"currency": ("currency", str), "amount": ("amount", Decimal)}
_PARTS = ("allowances", "charges")
_KEYS = {"kind", "syntax", "seller", "buyer", "lines", "vat_breakdown", "tax_totals", *_PARTS}
_KEYS |= {*_HEAD, *_TOTALS}
# Keys that no other shape has.
MARKS = {"vat_breakdown", "tax_totals", "line_total", "tax_exclusive", "tax_inclusive", "payable"}


def from_plain(data: Mapping[str, Any]) -> Invoice:
    """Read a record; raises UnusableInput with every problem and its field."""
    reader = RecordReader()
    reader.known(data, _KEYS, "")
    fields = reader.fields(data, _HEAD, "")
    totals = reader.fields(data, _TOTALS, "")
    fields["kind"] = reader.one_of(Kind, data.get("kind"), "kind") or Kind.INVOICE
    fields["syntax"] = reader.one_of(Syntax, data.get("syntax"), "syntax")
    for name in ("seller", "buyer"):
        fields[name] = reader.object(data.get(name), _PARTY, name)
    fields["lines"] = _lines(reader, data)
    fields["tax_breakdown"] = reader.objects(data, "vat_breakdown", _SUBTOTAL)
    for name in _PARTS:
        fields[name] = _read_parts(reader, data, name, "")
    stated = reader.objects(data, "tax_totals", _TAX_TOTAL)
    if reader.problems:
        raise UnusableInput(reader.problems)
    fields["totals"] = totals | _tax_totals(fields, totals, stated)
    return Invoice.model_validate(fields)


def to_plain(invoice: Invoice) -> dict[str, Any]:
    """The record of an invoice; values without a certain reading are null."""
    totals = invoice.totals
    return {
        "kind": invoice.kind.value,
        "syntax": invoice.syntax and invoice.syntax.value,
        **_values(invoice, _HEAD),
        "seller": _values(invoice.seller, _PARTY),
        "buyer": _values(invoice.buyer, _PARTY),
        "lines": [
            _values(line, _LINE)
            | {name: [_values(part, _PART) for part in getattr(line, name)] for name in _PARTS}
            for line in invoice.lines
        ],
        **{name: [_part(part) for part in getattr(invoice, name)] for name in _PARTS},
        "vat_breakdown": [_values(part, _SUBTOTAL) for part in invoice.tax_breakdown],
        **_values(totals, _TOTALS),
        "tax_totals": _stated(invoice),
    }


def _part(part: Any) -> dict[str, Any]:
    return _values(part, _PART) | ({"logistics": True} if part.logistics else {})


def _values(owner: Any, table: Table) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for key, (field, kind) in table.items():
        leaf = getattr(owner, field)
        value = None if leaf is None else leaf.printed if kind is str else leaf.value
        exact = isinstance(value, Decimal)
        found[key] = None if value is None else format(value, "f") if exact else str(value)
    return found


def _stated(invoice: Invoice) -> list[dict[str, str | None]]:
    """Every tax total with its currency; several in the invoice's own where it is ambiguous."""
    found: list[dict[str, str | None]] = []
    pairs = (
        (invoice.currency, invoice.totals.tax_total),
        (invoice.tax_currency, invoice.totals.tax_total_in_tax_currency),
    )
    for currency, tax in pairs:
        amounts = () if tax is None else tax.readings if tax.value is None else (tax.value,)
        code = currency.printed if currency is not None else None
        found += [{"currency": code, "amount": format(amount, "f")} for amount in amounts]
    return found


def _tax_totals(
    fields: dict[str, Any], totals: dict[str, Any], stated: tuple[dict[str, Any], ...]
) -> dict[str, Any]:
    """The tax in the tax currency, and the ambiguous total where the record gives several."""
    invoice_currency, tax_currency = (
        fields[name].printed if name in fields else None for name in ("currency", "tax_currency")
    )
    found: dict[str, Any] = {}
    by_currency: dict[str | None, list[Printed[Decimal]]] = {}
    for entry in stated:
        code = entry["currency"].printed if "currency" in entry else None
        if "amount" in entry:
            by_currency.setdefault(code, []).append(entry["amount"])
    own = by_currency.get(invoice_currency, [])
    if "tax_total" not in totals and len(own) > 1:
        readings = tuple(amount.value for amount in own if amount.value is not None)
        found["tax_total"] = Printed[Decimal](printed=own[0].printed, readings=readings)
    abroad = by_currency.get(tax_currency, [])
    if tax_currency not in (None, invoice_currency) and len(abroad) == 1:
        found["tax_total_in_tax_currency"] = abroad[0]
    return found


def _lines(reader: RecordReader, data: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    found = []
    for index, item in enumerate(reader.list(data, "lines", "")):
        path = f"lines[{index}]"
        line = reader.object(item, _LINE, path, _PARTS)
        if isinstance(item, Mapping):
            line |= {name: _read_parts(reader, item, name, f"{path}.") for name in _PARTS}
        found.append(line)
    return tuple(found)


def _read_parts(
    reader: RecordReader, data: Mapping[str, Any], name: str, path: str
) -> tuple[dict[str, Any], ...]:
    found = []
    for index, item in enumerate(reader.list(data, name, path)):
        # `indicator` is written where it was missing in the XML; the list says what it is.
        part = reader.object(item, _PART, f"{path}{name}[{index}]", ("indicator", "logistics"))
        if isinstance(item, Mapping) and item.get("logistics") is True:
            part["logistics"] = True
        found.append(part)
    return tuple(found)

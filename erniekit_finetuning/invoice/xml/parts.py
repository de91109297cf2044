"""What UBL and CII have in common: the kind of a document, and its tax totals by currency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from erniekit_finetuning.invoice.model import Kind, Printed
from erniekit_finetuning.invoice.xml.fields import Element, XmlFields

# UNTDID 1001 codes that EN 16931 takes for a credit note, and the proforma.
_CREDIT_NOTES = {"381", "396", "81", "83", "261", "262", "296", "308", "420", "458", "532"}
_PROFORMA = {"325"}


def kind_of(type_code: Printed[str] | None) -> Kind:
    """The kind of a type code; every other code is an invoice of some sort."""
    code = type_code.printed if type_code is not None else ""
    if code in _PROFORMA:
        return Kind.PROFORMA
    return Kind.CREDIT_NOTE if code in _CREDIT_NOTES else Kind.INVOICE


def tax_totals(
    fields: XmlFields, amounts: Sequence[Element], head: Mapping[str, Any]
) -> dict[str, Printed[Decimal]]:
    """The totals in invoice and in tax currency; several in one currency are ambiguous.

    A single total without a currency is the invoice's.
    """
    own, abroad = (
        head[name].printed if name in head else None for name in ("currency", "tax_currency")
    )
    by_currency: dict[str | None, list[Printed[Decimal]]] = {}
    for amount in amounts:
        value = fields.leaf(amount, Decimal)
        if value is not None:
            by_currency.setdefault(amount.get("currencyID"), []).append(value)
    totals = {"tax_total": by_currency.get(own) or by_currency.get(None)}
    if abroad is not None and abroad != own:
        totals["tax_total_in_tax_currency"] = by_currency.get(abroad)
    return {name: _one(values) for name, values in totals.items() if values}


def _one(values: list[Printed[Decimal]]) -> Printed[Decimal]:
    if len(values) == 1:
        return values[0]
    readings = tuple(one.value for one in values if one.value is not None)
    return Printed[Decimal](printed=values[0].printed, readings=readings)

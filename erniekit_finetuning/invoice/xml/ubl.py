"""UBL 2.1 Invoice and CreditNote to an Invoice (the syntax binding of EN 16931)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from lxml import etree

from erniekit_finetuning.invoice.model import Invoice, Kind, Syntax
from erniekit_finetuning.invoice.xml.fields import Element, Table, XmlFields, found
from erniekit_finetuning.invoice.xml.parts import kind_of, tax_totals

_HEAD: Table = {
    "type_code": (str, "InvoiceTypeCode | CreditNoteTypeCode"),
    "number": (str, "ID"),
    "issue_date": (date, "IssueDate"),
    "due_date": (date, "DueDate | PaymentMeans/PaymentDueDate"),
    "delivery_date": (date, "Delivery/ActualDeliveryDate"),
    "period_start": (date, "InvoicePeriod/StartDate"),
    "period_end": (date, "InvoicePeriod/EndDate"),
    "currency": (str, "DocumentCurrencyCode"),
    "tax_currency": (str, "TaxCurrencyCode"),
    "payment_terms": (str, "PaymentTerms/Note"),
}
_REFERENCES: Table = {
    "order": (str, "OrderReference/ID"),
    "contract": (str, "ContractDocumentReference/ID"),
    "buyer": (str, "BuyerReference"),
    "despatch": (str, "DespatchDocumentReference/ID"),
    "preceding_invoice": (str, "BillingReference/InvoiceDocumentReference/ID"),
    "payment": (str, "PaymentMeans/PaymentID"),
}
_PARTY: Table = {
    "name": (str, "PartyLegalEntity/RegistrationName | PartyName/Name"),
    "city": (str, "PostalAddress/CityName"),
    "postal_code": (str, "PostalAddress/PostalZone"),
    "country": (str, "PostalAddress/Country/IdentificationCode"),
    "legal_id": (str, "PartyLegalEntity/CompanyID"),
}
_ADDRESS = (
    ("StreetName",),
    ("AdditionalStreetName",),
    ("AddressLine/Line",),
    ("PostalZone", "CityName"),
    ("CountrySubentity",),
    ("Country/IdentificationCode",),
)
_ACCOUNT: Table = {
    "iban": (str, "ID"),
    "bic": (str, "FinancialInstitutionBranch/ID"),
    "name": (str, "Name"),
}
_PART: Table = {
    "amount": (Decimal, "Amount"),
    "base_amount": (Decimal, "BaseAmount"),
    "percent": (Decimal, "MultiplierFactorNumeric"),
    "reason": (str, "AllowanceChargeReason"),
    "tax_category": (str, "TaxCategory/ID"),
    "tax_rate": (Decimal, "TaxCategory/Percent"),
}
_LINE: Table = {
    "id": (str, "ID"),
    "description": (str, "Item/Name"),
    "quantity": (Decimal, "InvoicedQuantity | CreditedQuantity"),
    "unit_price": (Decimal, "Price/PriceAmount"),
    "price_base_quantity": (Decimal, "Price/BaseQuantity"),
    "gross_price": (Decimal, "Price/AllowanceCharge/BaseAmount"),
    "price_allowance": (Decimal, "Price/AllowanceCharge/Amount"),
    "tax_category": (str, "Item/ClassifiedTaxCategory/ID"),
    "tax_rate": (Decimal, "Item/ClassifiedTaxCategory/Percent"),
    "net_amount": (Decimal, "LineExtensionAmount"),
}
_SUBTOTAL: Table = {
    "category": (str, "TaxCategory/ID"),
    "rate": (Decimal, "TaxCategory/Percent"),
    "taxable": (Decimal, "TaxableAmount"),
    "tax": (Decimal, "TaxAmount"),
}
_TOTALS: Table = {
    "line_total": (Decimal, "LineExtensionAmount"),
    "allowance_total": (Decimal, "AllowanceTotalAmount"),
    "charge_total": (Decimal, "ChargeTotalAmount"),
    "tax_exclusive": (Decimal, "TaxExclusiveAmount"),
    "tax_inclusive": (Decimal, "TaxInclusiveAmount"),
    "prepaid": (Decimal, "PrepaidAmount"),
    "rounding": (Decimal, "PayableRoundingAmount"),
    "payable": (Decimal, "PayableAmount"),
}


def read_ubl(root: Element, fields: XmlFields) -> Invoice:
    """Read the document; problems are noted in `fields`."""
    head = fields.values(root, _HEAD)
    credit = etree.QName(root).localname == "CreditNote"
    totals = next(iter(found(root, "LegalMonetaryTotal")), None)
    own = head["currency"].printed if "currency" in head else None
    breakdown = [
        fields.values(subtotal, _SUBTOTAL)
        for total in found(root, "TaxTotal")
        if _currency(total) in (own, None)
        for subtotal in found(total, "TaxSubtotal")
    ]
    allowances, charges = _parts(root, fields)
    return Invoice.model_validate(
        {
            **head,
            "kind": Kind.CREDIT_NOTE if credit else kind_of(head.get("type_code")),
            "syntax": Syntax.UBL,
            "seller": _party(root, "AccountingSupplierParty/Party", fields),
            "buyer": _party(root, "AccountingCustomerParty/Party", fields),
            "lines": tuple(
                _line(line, fields)
                for name in ("InvoiceLine", "CreditNoteLine")
                for line in found(root, name)
            ),
            "allowances": allowances,
            "charges": charges,
            "tax_breakdown": tuple(breakdown),
            "totals": fields.values(totals, _TOTALS)
            | tax_totals(fields, found(root, "TaxTotal/TaxAmount"), head),
            "accounts": tuple(
                fields.values(account, _ACCOUNT)
                for account in found(root, "PaymentMeans/PayeeFinancialAccount")
            ),
            "references": fields.values(root, _REFERENCES),
        }
    )


def _currency(total: Element) -> str | None:
    return next((amount.get("currencyID") for amount in found(total, "TaxAmount")), None)


def _parts(
    owner: Element, fields: XmlFields
) -> tuple[tuple[dict[str, Any], ...], tuple[dict[str, Any], ...]]:
    allowances: list[dict[str, Any]] = []
    charges: list[dict[str, Any]] = []
    for part in found(owner, "AllowanceCharge"):
        charge = fields.flag(part, "ChargeIndicator")
        if charge is not None:
            (charges if charge else allowances).append(fields.values(part, _PART))
    return tuple(allowances), tuple(charges)


def _line(line: Element, fields: XmlFields) -> dict[str, Any]:
    allowances, charges = _parts(line, fields)
    read = fields.values(line, _LINE) | {"allowances": allowances, "charges": charges}
    for name in ("InvoicedQuantity", "CreditedQuantity"):
        for quantity in found(line, name):
            read["unit"] = fields.leaf(quantity, str, "unitCode")
    for number in found(line, "Item/StandardItemIdentification/ID"):
        if number.get("schemeID") == "0160":
            read["gtin"] = fields.leaf(number, str)
    return read


def _party(root: Element, path: str, fields: XmlFields) -> dict[str, Any]:
    for party in found(root, path):
        read = fields.values(party, _PARTY)
        for address in found(party, "PostalAddress"):
            read["address"] = fields.block(address, _ADDRESS)
        for scheme in found(party, "PartyTaxScheme"):
            name = fields.value(scheme, str, "TaxScheme/ID")
            vat = name is None or name.printed.upper() == "VAT"
            read["vat_id" if vat else "tax_number"] = fields.value(scheme, str, "CompanyID")
        for path in ("EndpointID", "PartyIdentification/ID"):
            for number in found(party, path):
                if number.get("schemeID") == "0088":
                    read["gln"] = fields.leaf(number, str)
        return read
    return {}

"""CII D16B (Factur-X, ZUGFeRD 2, XRechnung) and ZUGFeRD 1.0 to an Invoice."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from lxml import etree

from erniekit_finetuning.invoice.model import Invoice, Syntax
from erniekit_finetuning.invoice.xml.fields import Element, Table, XmlFields, found
from erniekit_finetuning.invoice.xml.parts import kind_of, tax_totals

# ZUGFeRD 1.0 says the same in other names.
_RENAMED = {
    "HeaderExchangedDocument": "ExchangedDocument",
    "SpecifiedSupplyChainTradeTransaction": "SupplyChainTradeTransaction",
    "ApplicableSupplyChainTradeAgreement": "ApplicableHeaderTradeAgreement",
    "ApplicableSupplyChainTradeDelivery": "ApplicableHeaderTradeDelivery",
    "ApplicableSupplyChainTradeSettlement": "ApplicableHeaderTradeSettlement",
    "SpecifiedSupplyChainTradeAgreement": "SpecifiedLineTradeAgreement",
    "SpecifiedSupplyChainTradeDelivery": "SpecifiedLineTradeDelivery",
    "SpecifiedSupplyChainTradeSettlement": "SpecifiedLineTradeSettlement",
    "ApplicablePercent": "RateApplicablePercent",
}
_SUMMATION = {
    "ApplicableHeaderTradeSettlement": "SpecifiedTradeSettlementHeaderMonetarySummation",
    "SpecifiedLineTradeSettlement": "SpecifiedTradeSettlementLineMonetarySummation",
}

_DOCUMENT: Table = {
    "type_code": (str, "TypeCode"),
    "number": (str, "ID"),
    "issue_date": (date, "IssueDateTime/DateTimeString"),
}
_AGREEMENT: Table = {
    "buyer": (str, "BuyerReference"),
    "order": (
        str,
        "BuyerOrderReferencedDocument/IssuerAssignedID | BuyerOrderReferencedDocument/ID",
    ),
    "contract": (
        str,
        "ContractReferencedDocument/IssuerAssignedID | ContractReferencedDocument/ID",
    ),
}
_DELIVERY: Table = {
    "despatch": (
        str,
        "DespatchAdviceReferencedDocument/IssuerAssignedID"
        " | DeliveryNoteReferencedDocument/IssuerAssignedID | DeliveryNoteReferencedDocument/ID",
    ),
}
_SETTLED: Table = {
    "preceding_invoice": (str, "InvoiceReferencedDocument/IssuerAssignedID"),
    "payment": (str, "PaymentReference"),
}
_SETTLEMENT: Table = {
    "currency": (str, "InvoiceCurrencyCode"),
    "tax_currency": (str, "TaxCurrencyCode"),
    "due_date": (date, "SpecifiedTradePaymentTerms/DueDateDateTime/DateTimeString"),
    "payment_terms": (str, "SpecifiedTradePaymentTerms/Description"),
    "period_start": (date, "BillingSpecifiedPeriod/StartDateTime/DateTimeString"),
    "period_end": (date, "BillingSpecifiedPeriod/EndDateTime/DateTimeString"),
}
_DELIVERED = "ActualDeliverySupplyChainEvent/OccurrenceDateTime/DateTimeString"
_PARTY: Table = {
    "name": (str, "Name"),
    "city": (str, "PostalTradeAddress/CityName"),
    "postal_code": (str, "PostalTradeAddress/PostcodeCode"),
    "country": (str, "PostalTradeAddress/CountryID"),
    "legal_id": (str, "SpecifiedLegalOrganization/ID"),
}
_ADDRESS = (
    ("LineOne",),
    ("LineTwo",),
    ("LineThree",),
    ("PostcodeCode", "CityName"),
    ("CountrySubDivisionName",),
    ("CountryID",),
)
_ACCOUNT: Table = {
    "iban": (
        str,
        "PayeePartyCreditorFinancialAccount/IBANID"
        " | PayeePartyCreditorFinancialAccount/ProprietaryID",
    ),
    "bic": (str, "PayeeSpecifiedCreditorFinancialInstitution/BICID"),
    "name": (str, "PayeePartyCreditorFinancialAccount/AccountName"),
}
_PART: Table = {
    "amount": (Decimal, "ActualAmount"),
    "base_amount": (Decimal, "BasisAmount"),
    "percent": (Decimal, "CalculationPercent"),
    "reason": (str, "Reason"),
    "tax_category": (str, "CategoryTradeTax/CategoryCode"),
    "tax_rate": (Decimal, "CategoryTradeTax/RateApplicablePercent"),
}
_LOGISTICS: Table = {
    "amount": (Decimal, "AppliedAmount"),
    "reason": (str, "Description"),
    "tax_category": (str, "AppliedTradeTax/CategoryCode"),
    "tax_rate": (Decimal, "AppliedTradeTax/RateApplicablePercent"),
}
_NET = "SpecifiedLineTradeAgreement/NetPriceProductTradePrice"
_GROSS = "SpecifiedLineTradeAgreement/GrossPriceProductTradePrice"
_TAX = "SpecifiedLineTradeSettlement/ApplicableTradeTax"
_SUM = "SpecifiedLineTradeSettlement/SpecifiedTradeSettlementLineMonetarySummation"
_LINE: Table = {
    "id": (str, "AssociatedDocumentLineDocument/LineID"),
    "description": (str, "SpecifiedTradeProduct/Name"),
    "quantity": (Decimal, "SpecifiedLineTradeDelivery/BilledQuantity"),
    "unit_price": (Decimal, f"{_NET}/ChargeAmount"),
    "price_base_quantity": (Decimal, f"{_NET}/BasisQuantity"),
    "gross_price": (Decimal, f"{_GROSS}/ChargeAmount"),
    "price_allowance": (Decimal, f"{_GROSS}/AppliedTradeAllowanceCharge/ActualAmount"),
    "tax_category": (str, f"{_TAX}/CategoryCode"),
    "tax_rate": (Decimal, f"{_TAX}/RateApplicablePercent"),
    "net_amount": (Decimal, f"{_SUM}/LineTotalAmount"),
}
# A line item without any of these is a remark between the lines.
_GOODS = _LINE.keys() - {"id"}
_SUBTOTAL: Table = {
    "category": (str, "CategoryCode"),
    "rate": (Decimal, "RateApplicablePercent"),
    "taxable": (Decimal, "BasisAmount"),
    "tax": (Decimal, "CalculatedAmount"),
}
_TOTALS: Table = {
    "line_total": (Decimal, "LineTotalAmount"),
    "allowance_total": (Decimal, "AllowanceTotalAmount"),
    "charge_total": (Decimal, "ChargeTotalAmount"),
    "tax_exclusive": (Decimal, "TaxBasisTotalAmount"),
    "tax_inclusive": (Decimal, "GrandTotalAmount"),
    "prepaid": (Decimal, "TotalPrepaidAmount"),
    "rounding": (Decimal, "RoundingAmount"),
    "payable": (Decimal, "DuePayableAmount"),
}


def read_cii(root: Element, fields: XmlFields) -> Invoice:
    """Read the document; problems are noted in `fields`."""
    _rename(root)
    trade = _first(root, "SupplyChainTradeTransaction")
    document = _first(root, "ExchangedDocument")
    agreement = _first(trade, "ApplicableHeaderTradeAgreement")
    delivery = _first(trade, "ApplicableHeaderTradeDelivery")
    settlement = _first(trade, "ApplicableHeaderTradeSettlement")
    totals = _first(settlement, "SpecifiedTradeSettlementHeaderMonetarySummation")
    head = fields.values(document, _DOCUMENT) | fields.values(settlement, _SETTLEMENT)
    allowances, charges = _parts(settlement, fields)
    return Invoice.model_validate(
        {
            **head,
            **fields.values(delivery, {"delivery_date": (date, _DELIVERED)}),
            "kind": kind_of(head.get("type_code")),
            "syntax": Syntax.CII,
            "seller": _party(_first(agreement, "SellerTradeParty"), fields),
            "buyer": _party(_first(agreement, "BuyerTradeParty"), fields),
            "lines": tuple(
                line
                for item in _all(trade, "IncludedSupplyChainTradeLineItem")
                if (line := _line(item, fields)).keys() & _GOODS
            ),
            "allowances": allowances,
            "charges": (*charges, *_logistics(settlement, fields)),
            "tax_breakdown": tuple(
                fields.values(part, _SUBTOTAL) for part in _all(settlement, "ApplicableTradeTax")
            ),
            "totals": fields.values(totals, _TOTALS)
            | tax_totals(fields, _all(totals, "TaxTotalAmount"), head),
            "accounts": tuple(
                account
                for means in _all(settlement, "SpecifiedTradeSettlementPaymentMeans")
                if (account := fields.values(means, _ACCOUNT))
            ),
            "references": fields.values(agreement, _AGREEMENT)
            | fields.values(delivery, _DELIVERY)
            | fields.values(settlement, _SETTLED),
        }
    )


def _rename(root: Element) -> None:
    """Give a ZUGFeRD 1.0 tree the names of D16B; a parent is renamed before its children."""
    if etree.QName(root).localname != "CrossIndustryDocument":
        return
    for element in root.iter():
        name = etree.QName(element)
        if name.localname == "SpecifiedTradeSettlementMonetarySummation":
            parent = element.getparent()
            over = "" if parent is None else str(etree.QName(parent).localname)
            new = _SUMMATION.get(over)
        else:
            new = _RENAMED.get(str(name.localname))
        if new is not None:
            element.tag = f"{{{name.namespace}}}{new}"


def _first(element: Element | None, path: str) -> Element | None:
    return next(iter(_all(element, path)), None)


def _all(element: Element | None, path: str) -> list[Element]:
    return [] if element is None else found(element, path)


def _parts(
    owner: Element | None, fields: XmlFields
) -> tuple[tuple[dict[str, Any], ...], tuple[dict[str, Any], ...]]:
    allowances: list[dict[str, Any]] = []
    charges: list[dict[str, Any]] = []
    for part in _all(owner, "SpecifiedTradeAllowanceCharge"):
        charge = fields.flag(part, "ChargeIndicator/Indicator")
        if charge is not None:
            (charges if charge else allowances).append(fields.values(part, _PART))
    return tuple(allowances), tuple(charges)


def _logistics(settlement: Element | None, fields: XmlFields) -> list[dict[str, Any]]:
    return [
        fields.values(charge, _LOGISTICS) | {"logistics": True}
        for charge in _all(settlement, "SpecifiedLogisticsServiceCharge")
    ]


def _line(line: Element, fields: XmlFields) -> dict[str, Any]:
    allowances, charges = _parts(_first(line, "SpecifiedLineTradeSettlement"), fields)
    read = fields.values(line, _LINE) | {"allowances": allowances, "charges": charges}
    for quantity in found(line, "SpecifiedLineTradeDelivery/BilledQuantity"):
        read["unit"] = fields.leaf(quantity, str, "unitCode")
    for number in found(line, "SpecifiedTradeProduct/GlobalID"):
        if number.get("schemeID") == "0160":
            read["gtin"] = fields.leaf(number, str)
    return read


def _party(party: Element | None, fields: XmlFields) -> dict[str, Any]:
    read = fields.values(party, _PARTY)
    for address in _all(party, "PostalTradeAddress"):
        read["address"] = fields.block(address, _ADDRESS)
    for number in _all(party, "SpecifiedTaxRegistration/ID"):
        vat = number.get("schemeID") == "VA"
        read["vat_id" if vat else "tax_number"] = fields.leaf(number, str)
    for number in _all(party, "GlobalID"):
        if number.get("schemeID") == "0088":
            read["gln"] = fields.leaf(number, str)
    return read

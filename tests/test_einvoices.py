"""Structured invoices: every field of UBL and CII, real Factur-X PDFs, and XML that attacks."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pytest

from erniekit_finetuning.documents.attachments import invoice_xml
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.invoice.model import Invoice, Kind, Syntax
from erniekit_finetuning.invoice.plain import from_plain, to_plain
from erniekit_finetuning.invoice.rules import RULES, Profile, Status, check
from erniekit_finetuning.invoice.walk import leaves
from erniekit_finetuning.invoice.xml.source import read_xml

TABLES = Path(__file__).parent / "tables"
UBL, CII = ((TABLES / f"{name}_invoice.xml").read_bytes() for name in ("ubl", "cii"))
SHARED = Path(__file__).parents[2] / "shared/data"
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the real invoices are not on this machine"
)

# What both files say, written from their business terms.
SAID = {
    "type_code": "380",
    "number": "R-17",
    "issue_date": "2025-04-03",
    "due_date": "2025-05-03",
    "delivery_date": "2025-03-30",
    "period_start": "2025-03-01",
    "period_end": "2025-03-31",
    "currency": "EUR",
    "tax_currency": "SEK",
    "seller.name": "Mill & Sons",
    "seller.address": "Mill Lane 1\n89073 Ulm\nDE",
    "seller.city": "Ulm",
    "seller.postal_code": "89073",
    "seller.country": "DE",
    "seller.vat_id": "DE136695976",
    "seller.tax_number": "201/123/40012",
    "seller.legal_id": "HRB 12",
    "seller.gln": "4000001000005",
    "buyer.name": "Baker",
    "lines[0].id": "1",
    "lines[0].description": "Flour",
    "lines[0].gtin": "4006381333931",
    "lines[0].quantity": "10",
    "lines[0].unit": "KGM",
    "lines[0].unit_price": "20.00",
    "lines[0].price_base_quantity": "2",
    "lines[0].gross_price": "25.00",
    "lines[0].price_allowance": "5.00",
    "lines[0].allowances[0].amount": "12.00",
    "lines[0].charges[0].amount": "2.00",
    "lines[0].tax_category": "S",
    "lines[0].tax_rate": "19",
    "lines[0].net_amount": "90.00",
    "allowances[0].amount": "9.00",
    "allowances[0].base_amount": "90.00",
    "allowances[0].percent": "10",
    "allowances[0].reason": "bonus",
    "allowances[0].tax_category": "S",
    "allowances[0].tax_rate": "19",
    "charges[0].amount": "19.00",
    "charges[0].reason": "freight",
    "charges[0].tax_category": "S",
    "charges[0].tax_rate": "19",
    "tax_breakdown[0].category": "S",
    "tax_breakdown[0].rate": "19",
    "tax_breakdown[0].taxable": "100.00",
    "tax_breakdown[0].tax": "19.00",
    "totals.line_total": "90.00",
    "totals.allowance_total": "9.00",
    "totals.charge_total": "19.00",
    "totals.tax_exclusive": "100.00",
    "totals.tax_total": "19.00",
    "totals.tax_total_in_tax_currency": "210.15",
    "totals.tax_inclusive": "119.00",
    "totals.prepaid": "19.00",
    "totals.rounding": "0.05",
    "totals.payable": "100.05",
    "payment_terms": "30 days net",
    "accounts[0].iban": "DE89370400440532013000",
    "accounts[0].bic": "DEUTDEFF",
    "accounts[0].name": "Mill",
    "references.order": "PO-9",
    "references.contract": "C-2",
    "references.buyer": "dept 4",
    "references.despatch": "D-3",
    "references.preceding_invoice": "R-16",
    "references.payment": "RF18",
}


def said(invoice: Invoice) -> dict[str, str]:
    return {path: str(value.value) for path, value in leaves(invoice)}


@pytest.mark.parametrize(("xml", "syntax"), [(UBL, Syntax.UBL), (CII, Syntax.CII)])
def test_every_field_is_read(xml: bytes, syntax: Syntax) -> None:
    invoice = read_xml(xml)
    assert said(invoice) == SAID
    assert (invoice.syntax, invoice.kind) == (syntax, Kind.INVOICE)
    for profile in Profile:
        failed = [f for f in check(invoice, profile) if f.status is Status.FAIL]
        assert failed == []


def test_encodings_are_what_the_xml_says() -> None:
    for encoding in ("utf-16", "iso-8859-1", "utf-8-sig"):
        declared = encoding.removesuffix("-sig")
        text = UBL.decode().replace('encoding="UTF-8"', f'encoding="{declared}"')
        assert said(read_xml(text.replace("Baker", "Bäker").encode(encoding))) == {
            **SAID,
            "buyer.name": "Bäker",
        }


def test_a_ubl_credit_note() -> None:
    text = UBL.decode()
    for old, new in (
        ("xsd:Invoice-2", "xsd:CreditNote-2"),
        ("<Invoice ", "<CreditNote "),
        ("</Invoice>", "</CreditNote>"),
        ("InvoiceTypeCode>380", "CreditNoteTypeCode>381"),
        ("/cbc:InvoiceTypeCode", "/cbc:CreditNoteTypeCode"),
        ("cac:InvoiceLine", "cac:CreditNoteLine"),
        ("InvoicedQuantity", "CreditedQuantity"),
        ("380</", "381</"),
    ):
        text = text.replace(old, new)
    text = text.replace("<cbc:DueDate>2025-05-03</cbc:DueDate>", "").replace(
        "<cac:PaymentMeans>",
        "<cac:PaymentMeans><cbc:PaymentDueDate>2025-05-03</cbc:PaymentDueDate>",
    )
    invoice = read_xml(text.encode())
    assert invoice.kind is Kind.CREDIT_NOTE
    assert said(invoice) == {**SAID, "type_code": "381"}


@pytest.mark.parametrize(
    ("code", "kind"),
    [("381", Kind.CREDIT_NOTE), ("325", Kind.PROFORMA), ("384", Kind.INVOICE)],
)
def test_the_type_code_says_what_a_cii_document_is(code: str, kind: Kind) -> None:
    assert read_xml(CII.replace(b">380<", f">{code}<".encode())).kind is kind


def test_zugferd_1_says_the_same_in_other_names() -> None:
    text = CII.decode()
    for old, new in (
        ("CrossIndustryInvoice:100", "placeholder"),
        ("CrossIndustryInvoice", "CrossIndustryDocument"),
        (
            "urn:un:unece:uncefact:data:standard:placeholder",
            "urn:ferd:CrossIndustryDocument:invoice:1p0",
        ),
        ("rsm:ExchangedDocument", "rsm:HeaderExchangedDocument"),
        ("rsm:SupplyChainTradeTransaction", "rsm:SpecifiedSupplyChainTradeTransaction"),
        ("ApplicableHeaderTrade", "ApplicableSupplyChainTrade"),
        ("SpecifiedLineTrade", "SpecifiedSupplyChainTrade"),
        ("SettlementHeaderMonetary", "SettlementMonetary"),
        ("SettlementLineMonetary", "SettlementMonetary"),
        ("RateApplicablePercent", "ApplicablePercent"),
    ):
        text = text.replace(old, new)
    assert said(read_xml(text.encode())) == SAID


def test_a_remark_between_the_lines_is_no_line() -> None:
    remark = (
        b"<ram:IncludedSupplyChainTradeLineItem><ram:AssociatedDocumentLineDocument>"
        b"<ram:LineID>0</ram:LineID></ram:AssociatedDocumentLineDocument>"
        b"</ram:IncludedSupplyChainTradeLineItem>"
    )
    before = b"<ram:IncludedSupplyChainTradeLineItem>"
    assert said(read_xml(CII.replace(before, remark + before, 1))) == SAID


def test_two_totals_in_one_currency_are_both_kept() -> None:
    xml = UBL.replace(b'currencyID="SEK">210.15', b'currencyID="EUR">20.00')
    tax = read_xml(xml).totals.tax_total
    assert tax is not None
    assert tax.value is None
    assert tax.readings == (Decimal("19.00"), Decimal("20.00"))


@pytest.mark.parametrize("xml", [UBL, CII])
def test_every_wrong_value_is_named_with_its_element(xml: bytes) -> None:
    for old, new in (
        (b">10</", b">1,5</"),
        (b">100.05</", b">NaN</"),
        (b">119.00</", b">1e400</"),
        (b">0.05</", b"></"),
        (b">210.15</", b">" + b"9" * 19 + b"</"),
        (b">DE136695976<", b">" + b"9" * 20_000 + b"<"),
    ):
        xml = xml.replace(old, new, 1)
    xml = xml.replace(b"2025-04-03", b"2025-02-30").replace(b"20250403", b"20250230")
    with pytest.raises(UnusableInput) as caught:
        read_xml(xml)
    fields = {str(problem.field).rpartition("/")[2] for problem in caught.value.problems}
    assert len(caught.value.problems) == 7
    assert fields & {"PayableAmount", "DuePayableAmount"}
    assert fields & {"IssueDate", "DateTimeString"}
    assert all(problem.line for problem in caught.value.problems)
    assert all(len(str(problem)) < 500 for problem in caught.value.problems)


def test_an_allowance_that_does_not_say_which_it_is_is_a_problem() -> None:
    for old, new in ((b">true</cbc:C", b">maybe</cbc:C"), (b"cbc:ChargeIndicator", b"cbc:Other")):
        with pytest.raises(UnusableInput, match="true or false"):
            read_xml(UBL.replace(old, new))


def bomb(body: str, doctype: str) -> bytes:
    head, rest = UBL.decode().split("\n", 1)
    return f"{head}\n{doctype}\n{rest.replace('Baker', body)}".encode()


LOL = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
SECRET = (TABLES / "money.txt").as_uri()  # a file that an entity must not bring in
HOSTILE = {
    "billion laughs": bomb("&l11;", f'<!DOCTYPE Invoice [<!ENTITY l0 "ha">{LOL}]>'),
    "laughs in an attribute": bomb("x", f'<!DOCTYPE Invoice [<!ENTITY l0 "ha">{LOL}]>').replace(
        b'unitCode="KGM"', b'unitCode="&l11;"'
    ),
    "quadratic": bomb("&a;" * 100_000, f'<!DOCTYPE Invoice [<!ENTITY a "{"x" * 100_000}">]>'),
    "external entity": bomb("&a;", f'<!DOCTYPE Invoice [<!ENTITY a SYSTEM "{SECRET}">]>'),
    "external DTD": bomb("x", '<!DOCTYPE Invoice SYSTEM "http://127.0.0.1:9/x.dtd">'),
    "parameter entity": bomb("x", f'<!DOCTYPE Invoice [<!ENTITY % a SYSTEM "{SECRET}"> %a;]>'),
    "in UTF-16": bomb("&l11;", f'<!DOCTYPE Invoice [<!ENTITY l0 "ha">{LOL}]>')
    .decode()
    .replace("UTF-8", "UTF-16")
    .encode("utf-16"),
    "deep": b"<a>" * 100_000,
    "long text": UBL.replace(b"Baker", b"x" * 10_000_000),
    "wide": b"<a>" + b"<b/>" * 1_000_000 + b"</a>",
    "many attributes": b"<a " + b" ".join(b'a%d="1"' % n for n in range(100_000)) + b"/>",
    "wrong encoding": UBL.replace(b"Baker", "Bäker".encode("latin-1")),
    "unknown encoding": UBL.replace(b'"UTF-8"', b'"KLINGON"'),
    "another root": b"<html/>",
    "another namespace": UBL.replace(b"xsd:Invoice-2", b"xsd:Invoice-3"),
    "cut off": UBL[:-50],
    "empty": b"",
    "not XML": b"%PDF-1.7",
    "zeros": b"\0" * 1000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_xml_is_refused(name: str) -> None:
    with pytest.raises(UnusableInput) as caught:
        read_xml(HOSTILE[name])
    assert "CLDR" not in str(caught.value)  # a word of that file
    assert all(len(str(problem)) < 500 for problem in caught.value.problems)


def with_attachments(*names: str) -> bytes:
    document = pdfium.PdfDocument.new()
    document.new_page(100, 100)
    for name in names:
        document.new_attachment(name).set_data(UBL)
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def test_the_invoice_in_a_pdf() -> None:
    for names in (
        ["factur-x.xml"],
        ["note.txt", "ZUGFeRD-invoice.xml"],
        ["other.xml"],
        ["zugferd-invoice.xml", "xrechnung.xml", "factur-x.xml", "more.xml"],
    ):
        assert invoice_xml(with_attachments(*names)) == UBL


@pytest.mark.parametrize(
    "pdf",
    [with_attachments(), with_attachments("a.txt"), with_attachments("a.xml", "b.xml"), b"", b"x"],
)
def test_a_pdf_without_an_invoice_in_it_is_refused(pdf: bytes) -> None:
    with pytest.raises(UnusableInput):
        invoice_xml(pdf)


def without_extras(value: Any) -> Any:
    if isinstance(value, dict):
        extras = ("indicator", "logistics")
        return {key: without_extras(item) for key, item in value.items() if key not in extras}
    return [without_extras(item) for item in value] if isinstance(value, list) else value


@needs_shared
def test_real_factur_x_pdfs_say_what_their_truth_says() -> None:
    rows = [json.loads(line) for line in (SHARED / "einvoices/truth.jsonl").open(encoding="utf-8")]
    assert len(rows) == 18
    for row in rows:
        pdf = (SHARED / "einvoices" / row["pdf"]).read_bytes()
        read = without_extras(to_plain(read_xml(invoice_xml(pdf))))
        truth = without_extras(row["truth"])
        truth["lines"] = truth["lines"] or []  # null: the profile has none
        assert read == truth, row["id"]


@needs_shared
def test_real_factur_x_pdfs_break_the_rules_that_the_official_validator_says() -> None:
    ours = {rule.id for rule in RULES if rule.source == "EN 16931-1"}
    judged = 0
    for line in (SHARED / "einvoices/truth.jsonl").open(encoding="utf-8"):
        row = json.loads(line)
        if row["official_failed"] is not None:
            pdf = (SHARED / "einvoices" / row["pdf"]).read_bytes()
            findings = check(read_xml(invoice_xml(pdf)), Profile.EN16931)
            failed = {f.rule for f in findings if f.status is Status.FAIL} & ours
            assert failed == ours & set(row["official_failed"]), row["id"]
            judged += 1
    assert judged >= 10


@needs_shared
@pytest.mark.parametrize("file", ["cases.jsonl", "documents.jsonl"])
def test_official_records_go_through_the_model_unchanged(file: str) -> None:
    for line in (SHARED / "en16931" / file).open(encoding="utf-8"):
        row = json.loads(line)
        record = without_extras(row["invoice"])
        again = without_extras(to_plain(from_plain(row["invoice"])))
        # A total in a currency that the invoice does not name has no place in EN 16931.
        named = (record["currency"], record["tax_currency"], None)
        totals = [total for total in record["tax_totals"] if total["currency"] in named]
        assert sorted(map(str, again.pop("tax_totals"))) == sorted(map(str, totals))
        del record["tax_totals"]
        assert again == record

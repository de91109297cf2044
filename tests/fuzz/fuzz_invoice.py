"""Coverage-guided fuzzing of everything that reads what strangers write (`make fuzz`).

The contract: whatever the bytes, a reader either returns a typed value or raises UnusableInput
whose problems say what is wrong; it never crashes, hangs, or returns a number that is not finite
and bounded. What can be read can be checked under every profile, and findings are JSON.

    python tests/fuzz/fuzz_invoice.py -runs=1000000 -max_len=8192 CORPUS_FOLDER
"""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from xml.sax.saxutils import escape

import atheris

with atheris.instrument_imports(include=["erniekit_finetuning"]):
    from erniekit_finetuning.errors import UnusableInput
    from erniekit_finetuning.invoice import amounts, dates, identifiers
    from erniekit_finetuning.invoice.answer import read_answer
    from erniekit_finetuning.invoice.currencies import currency_readings
    from erniekit_finetuning.invoice.model import Invoice, bounded
    from erniekit_finetuning.invoice.own_json import from_own, to_own
    from erniekit_finetuning.invoice.plain import to_plain
    from erniekit_finetuning.invoice.response import structured_data
    from erniekit_finetuning.invoice.rules import Profile, check
    from erniekit_finetuning.invoice.shapes import read_invoice
    from erniekit_finetuning.invoice.strict_json import parse
    from erniekit_finetuning.invoice.walk import leaves
    from erniekit_finetuning.invoice.xml.source import read_xml


def one_input(data: bytes) -> None:
    """The first byte picks the reader, the rest is its input."""
    if not data:
        return
    kind, rest = data[0] % 5, data[1:]
    if kind == 0:
        _values(rest.decode("utf-8", "surrogateescape"))  # lone surrogates come too
    elif kind == 1:
        _json(rest)
    elif kind == 2:
        _xml(rest)
    elif kind == 3:
        _in_place(rest.decode("utf-8", "replace"))
    else:
        answer = read_answer(rest.decode("utf-8", "replace"))
        assert (answer.problem is None) or answer.invoice == Invoice()
        _usable(answer.invoice)


def _values(text: str) -> None:
    for read in (amounts.money, amounts.percent, amounts.quantity):
        assert all(bounded(value) for value in read(text).values())
    dates.readings(text)
    currency_readings(text)
    for check_digits in (identifiers.iban, identifiers.bic, identifiers.gtin, identifiers.gln):
        check_digits(text)
    identifiers.vat_id(text, text[:2])


def _in_place(text: str) -> None:
    """The text as a value inside records and XML that are otherwise right."""
    first, _, second = text.partition("\n")
    summary = {"grand_total": first, "tax": second, "net_total": first, "currency": second}
    client = {"invoice_date": first, "due_date": second, "invoice_number": text}
    line = {"quantity": second, "unit_price": first, "line_total": first, "tax_rate": second}
    for shape in (
        {
            "structured_data": {
                "financial_summary": summary,
                "client_info": client,
                "vendor_block": {"tax_id": first},
                "line_items": [line, line],
                "payment_terms": text,
            }
        },
        {"payable": first, "lines": [{"net_amount": second, "vat_rate": first}], "currency": text},
        {"totals": {"payable": {"printed": text, "value": first}}},
        {"vendor": first, "items": [{"quantity": second}], "language": second, "total": first},
    ):
        _json(json.dumps(shape).encode())
    _xml(_UBL % (escape(text).encode(), escape(second).encode(), escape(first).encode()))


_UBL = (
    b'<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"><ID>%s</ID>'
    b"<IssueDate>%s</IssueDate><LegalMonetaryTotal><PayableAmount>%s</PayableAmount>"
    b"</LegalMonetaryTotal></Invoice>"
)


def _json(data: bytes) -> None:
    try:
        invoice = read_invoice(parse(data)).invoice
    except UnusableInput as error:
        assert all(problem.what for problem in error.problems)
    else:
        _usable(invoice)


def _xml(data: bytes) -> None:
    try:
        invoice = read_xml(data)
    except UnusableInput as error:
        assert all(problem.what for problem in error.problems)
    else:
        _usable(invoice)


def _usable(invoice: Invoice) -> None:
    for _, value in leaves(invoice):
        assert not isinstance(value.value, Decimal) or bounded(value.value)
    for profile in Profile:
        json.dumps([finding.to_json() for finding in check(invoice, profile)])
    assert from_own(to_own(invoice)) == invoice
    structured_data(invoice)
    to_plain(invoice)


def main() -> None:
    """Run under libFuzzer; its options are on the command line."""
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

"""The Invoice and its shapes in JSON: there and back, and what is refused."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from right_invoices import right_invoices

from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.invoice.answer import read_answer
from erniekit_finetuning.invoice.ground_truth import to_ground_truth
from erniekit_finetuning.invoice.model import Invoice
from erniekit_finetuning.invoice.own_json import from_own, json_schema, to_own
from erniekit_finetuning.invoice.plain import to_plain
from erniekit_finetuning.invoice.response import from_structured_data, structured_data
from erniekit_finetuning.invoice.rules import Status, check
from erniekit_finetuning.invoice.shapes import read_invoice
from erniekit_finetuning.invoice.strict_json import parse
from erniekit_finetuning.invoice.values import typed
from erniekit_finetuning.invoice.walk import leaves
from synthetic_invoice_generator.locale import load_locale, locale_codes
from synthetic_invoice_generator.scenario.scene import draw_scene, invoice_of

D = Decimal


def failed(invoice: Invoice) -> set[str]:
    return {f.rule for f in check(invoice) if f.status is Status.FAIL} - {"REQUIRED"}


@pytest.mark.parametrize("code", locale_codes())
def test_generated_invoices_pass_every_rule_and_survive_the_answer(code: str) -> None:
    rng = Random(f"answer/{code}")
    for _ in range(50):
        truth = invoice_of(draw_scene(rng, load_locale(code)))
        assert failed(truth) == set()
        answer = structured_data(truth)
        back = from_structured_data({"structured_data": answer})
        assert back.unknown == ()
        assert structured_data(back.invoice) == answer
        # The answer has no place for what is withheld or rounded off.
        unsaid = truth.totals.rounding or truth.totals.withholding
        assert failed(typed(back.invoice)) == ({"BR-CO-16"} if unsaid else set())


@given(right_invoices())
def test_our_own_json_reads_back_and_fits_its_schema(invoice: Invoice) -> None:
    data = json.loads(json.dumps(to_own(invoice)))
    assert from_own(data) == read_invoice(data).invoice == invoice
    assert read_invoice({"id": "7", "invoice": data}).invoice == invoice
    jsonschema.validate(data, json_schema())


@given(right_invoices())
def test_the_plain_record_keeps_every_amount(invoice: Invoice) -> None:
    record = json.loads(json.dumps(to_plain(invoice)))
    again = read_invoice({"invoice": record}).invoice
    assert to_plain(again) == record
    kept = {path: value.value for path, value in leaves(again)}
    assert kept == {path: value.value for path, value in leaves(invoice)}
    assert again.syntax == invoice.syntax


def test_the_written_schema_is_the_models() -> None:
    file = Path(__file__).parents[1] / "docs/invoice.schema.json"
    assert json.loads(file.read_text("utf-8")) == json_schema(), "run: make schema"


@pytest.mark.parametrize("code", locale_codes())
def test_a_ground_truth_reads_back_with_and_without_our_own_json(code: str) -> None:
    truth = invoice_of(draw_scene(Random(code), load_locale(code)))
    data = json.loads(json.dumps(to_ground_truth(truth, "classic")))
    assert read_invoice(data).invoice == truth
    del data["invoice"]
    flat = read_invoice(data)
    assert flat.unknown == ()
    assert flat.invoice.language == truth.language
    assert len(flat.invoice.lines) == len(truth.lines)


def test_keys_without_a_place_are_listed_not_dropped() -> None:
    read = read_invoice(
        {"vendor": {"name": "A", "phone": "1"}, "items": [], "grand_total": D("5.00"), "x": 1}
    )
    assert read.unknown == ("vendor_block.phone", "x")
    assert read.invoice.totals.payable is not None
    assert read.invoice.totals.payable.value == D("5.00")


def test_a_truth_without_one_known_field_is_refused() -> None:
    with pytest.raises(UnusableInput, match="no field of an invoice"):
        read_invoice({"colour": "red"})


def test_values_of_a_wrong_type_are_all_named() -> None:
    with pytest.raises(UnusableInput) as caught:
        from_structured_data({"vendor_block": {"name": ["A"]}, "line_items": "none"})
    assert {problem.field for problem in caught.value.problems} == {
        "vendor_block.name",
        "line_items",
    }


@pytest.mark.parametrize(
    ("record", "field"),
    [
        ({"line_total": "NaN"}, "line_total"),
        ({"line_total": "1e400"}, "line_total"),
        ({"line_total": "1,5"}, "line_total"),
        ({"line_total": 1.5}, "line_total"),
        ({"line_total": True}, "line_total"),
        ({"line_total": {"a": [[]]}}, "line_total"),
        ({"line_total": "9" * 19}, "line_total"),
        ({"line_total": "9" * 10_000_000}, "line_total"),
        ({"line_totl": "1", "payable": "1"}, "line_totl"),
        ({"payable": D("1e999999999")}, "payable"),
        ({"payable": "1", "lines": "none"}, "lines"),
        ({"payable": "1", "lines": [{}, "x"]}, "lines[1]"),
        ({"payable": "1", "lines": [{"net_amount": "x"}]}, "lines[0].net_amount"),
        ({"payable": "1", "lines": [{"charges": [{"amount": ""}]}]}, "lines[0].charges[0].amount"),
        ({"payable": "1", "seller": []}, "seller"),
        ({"payable": "1", "seller": {"name": "\ud800"}}, "seller.name"),
        ({"payable": "1", "issue_date": "2025-02-30"}, "issue_date"),
        ({"payable": "1", "kind": "letter"}, "kind"),
        ({"payable": "1", "syntax": ["UBL"]}, "syntax"),
        ({"totals": {"payable": {"printed": "1", "value": "NaN"}}}, "totals.payable.value"),
        ({"totals": {"payable": {"printed": "1", "value": "1e400"}}}, "totals.payable.value"),
        ({"totals": {"payable": {"printed": "9" * 10**7}}}, "totals.payable.printed"),
        ({"totals": {"payable": "1"}}, "totals.payable"),
        ({"totals": {}, "lines": [{"nett": {"printed": "1"}}]}, "lines[0].nett"),
        ({"seller": {"name": {"printed": "\ud800"}}}, "seller.name.printed"),
        ({"structured_data": {"vendor_block": {"name": "9" * 10**7}}}, "vendor_block.name"),
        ({"structured_data": {"vendor_block": {"name": "\ud800"}}}, "seller.name.printed"),
        ({"structured_data": {"financial_summary": {"tax": [1]}}}, "financial_summary.tax"),
        ({"vendor": [], "grand_total": "5"}, "vendor"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_field(record: Any, field: str) -> None:
    with pytest.raises(UnusableInput) as caught:
        read_invoice(record)
    assert field in {problem.field for problem in caught.value.problems}
    assert all(len(str(problem)) < 500 for problem in caught.value.problems)


def test_every_problem_of_a_record_is_named_at_once() -> None:
    with pytest.raises(UnusableInput) as caught:
        read_invoice({"payable": "x", "tax_total": "y", "lines": [{"quantity": "z"}]})
    fields = {problem.field for problem in caught.value.problems}
    assert fields == {"payable", "tax_total", "lines[0].quantity"}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (b"\xff\xfe{}", "not UTF-8"),
        ('{"a": "\xe4"}'.encode("latin-1"), "not UTF-8"),
        (b"{", "not JSON"),
        (b"{} {}", "not JSON"),
        (b'{"a": NaN}', "not JSON: NaN"),
        (b'{"a": 1, "a": 2}', "key given twice: a"),
        (b"[" * 200_000, "nested too deeply"),
        (b"", "not JSON"),
    ],
)
def test_what_is_not_json_is_refused(text: bytes, what: str) -> None:
    with pytest.raises(UnusableInput, match=what):
        parse(text)


def test_a_huge_exponent_is_not_written_out() -> None:
    read = read_invoice({"structured_data": {"financial_summary": {"tax": D("1e999999999")}}})
    assert read.invoice.totals.tax_total is not None
    assert read.invoice.totals.tax_total.printed == "1E+999999999"
    assert read.invoice.totals.tax_total.value is None


def test_a_number_stays_the_text_it_was_written_as() -> None:
    assert parse('{"a": 5.00, "b": 1e400, "c": 12345678901234567890}') == {
        "a": "5.00",
        "b": "1e400",
        "c": "12345678901234567890",
    }
    answer = read_answer('{"structured_data": {"financial_summary": {"grand_total": 5.00}}}')
    assert answer.invoice.totals.payable is not None
    assert answer.invoice.totals.payable.printed == "5.00"

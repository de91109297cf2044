"""The invoice domain: what prints may mean, what the rules say, shapes there and back."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.invoice import amounts, dates, rules
from erniekit_finetuning.invoice.model import Invoice, Line, Printed, TaxSubtotal, Totals
from erniekit_finetuning.invoice.response import from_structured_data, structured_data
from erniekit_finetuning.invoice.rules import Status, arithmetic_verified, check, round_half_up
from erniekit_finetuning.invoice.shapes import read_invoice
from erniekit_finetuning.invoice.values import currency_readings, typed
from synthetic_invoice_generator.locale import load_locale, locale_codes
from synthetic_invoice_generator.scenario import make_invoice

D = Decimal


def amount(printed: str, value: str | None = None) -> Printed[Decimal]:
    return Printed[Decimal](printed=printed, value=None if value is None else D(value))


@pytest.mark.parametrize(
    ("printed", "point", "comma"),
    [
        ("1.234,50 €", None, "1234.50"),
        ("1,234.50", "1234.50", None),
        ("1.234", "1.234", "1234"),
        ("$1,000", "1000", "1.000"),
        ("1 234,50", None, "1234.50"),
        ("1\u202f234,50 EUR", None, "1234.50"),
        ("1'234.50", "1234.50", None),
        ("12,34,567.00", "1234567.00", None),
        ("(12)", "-12", "-12"),
        ("12-", "-12", "-12"),
        ("-20,48 €", None, "-20.48"),
        ("$-5.00", "-5.00", None),
        ("EUR 5,00", None, "5.00"),
        (".5", "0.5", None),
        ("19 %", "19", "19"),
        ("1.000.000", None, "1000000"),
        ("1.2.3", None, None),
        ("12,34.567", None, None),
        ("abc", None, None),
        ("", None, None),
        ("NaN", None, None),
        ("1e400", None, None),
        ("9" * 100, None, None),
    ],
)
def test_every_reading_of_a_printed_number(
    printed: str, point: str | None, comma: str | None
) -> None:
    found = amounts.readings(printed)
    assert found.get(".") == (None if point is None else D(point))
    assert found.get(",") == (None if comma is None else D(comma))


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=2))
def test_a_formatted_amount_reads_back(value: Decimal) -> None:
    grouped = f"{value:,.2f}"
    swapped = grouped.translate(str.maketrans(",.", ".,"))
    assert amounts.readings(grouped)["."] == value
    assert amounts.readings(swapped)[","] == value


def test_the_documents_numbers_decide_the_decimal_mark() -> None:
    assert amounts.decimal_mark(["1.234", "19,00"]) == ","
    assert amounts.decimal_mark(["1.234", "7"]) is None
    assert amounts.decimal_mark(["1.5", "2,5"]) is None


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("2025-04-03", {date(2025, 4, 3)}),
        ("03.04.2025", {date(2025, 4, 3), date(2025, 3, 4)}),
        ("25/04/2025", {date(2025, 4, 25)}),
        ("04/25/25", {date(2025, 4, 25)}),
        ("05/05/2025", {date(2025, 5, 5)}),
        ("3. April 2025", {date(2025, 4, 3)}),
        ("Donnerstag, 6. Juli 2023", {date(2023, 7, 6)}),
        ("dimanche 20 août 2023", {date(2023, 8, 20)}),
        ("Wed, Apr 3, 2024", {date(2024, 4, 3)}),
        ("Apr 3, 2025", {date(2025, 4, 3)}),
        ("1er février 2024", {date(2024, 2, 1)}),
        ("31.02.2025", set()),
        ("soon", set()),
        ("9" * 50, set()),
    ],
)
def test_every_reading_of_a_printed_date(printed: str, expected: set[date]) -> None:
    assert set(dates.readings(printed).values()) == expected


def test_an_ambiguous_date_stays_ambiguous_until_the_document_decides() -> None:
    def read(**fields: str) -> Invoice:
        given = {name: Printed[date](printed=text) for name, text in fields.items() if name != "c"}
        currency = {"currency": Printed[str](printed=fields["c"])} if "c" in fields else {}
        return typed(Invoice(**given, **currency))  # type: ignore[arg-type]

    alone = read(issue_date="03/04/2025").issue_date
    assert alone is not None
    assert alone.value is None
    assert set(alone.readings) == {date(2025, 4, 3), date(2025, 3, 4)}
    beside = read(issue_date="03/04/2025", due_date="25/04/2025").issue_date
    assert beside is not None
    assert beside.value == date(2025, 4, 3)
    euro = read(issue_date="03/04/2025", c="EUR").issue_date
    assert euro is not None
    assert euro.value == date(2025, 4, 3)
    dollar = read(issue_date="03/04/2025", c="USD").issue_date
    assert dollar is not None
    assert dollar.value is None


def test_a_currency_sign_of_several_countries_is_not_guessed() -> None:
    assert currency_readings("€") == ("EUR",)
    assert "CAD" in currency_readings("$")
    assert currency_readings("??") == ()
    read = typed(Invoice(currency=Printed[str](printed="$")))
    assert read.currency is not None
    assert read.currency.value is None
    assert "USD" in read.currency.readings


@pytest.mark.parametrize(
    ("exact", "rounded"),
    [("0.005", "0.01"), ("-0.005", "0.00"), ("-0.006", "-0.01"), ("2.675", "2.68")],
)
def test_halves_round_towards_plus_infinity(exact: str, rounded: str) -> None:
    assert round_half_up(D(exact)) == D(rounded)


def small_invoice(**totals: str) -> Invoice:
    values = {
        "line_total": "30.00",
        "tax_exclusive": "30.00",
        "tax_total": "5.70",
        "tax_inclusive": "35.70",
        "payable": "35.70",
    } | totals
    return Invoice(
        lines=(
            Line(
                quantity=amount("2", "2"),
                unit_price=amount("10", "10"),
                net_amount=amount("20", "20"),
            ),
            Line(net_amount=amount("10", "10")),
        ),
        tax_breakdown=(
            TaxSubtotal(
                rate=amount("19", "19"), taxable=amount("30", "30"), tax=amount("5.70", "5.70")
            ),
        ),
        totals=Totals(**{name: amount(text, text) for name, text in values.items()}),
    )


def failed(invoice: Invoice) -> set[str]:
    return {f.rule for f in check(invoice) if f.status is Status.FAIL} - {"REQUIRED"}


def test_a_right_invoice_passes() -> None:
    assert failed(small_invoice()) == set()
    assert arithmetic_verified(check(small_invoice()))


@pytest.mark.parametrize(
    ("field", "value", "rules_that_fail"),
    [
        ("line_total", "30.01", {"BR-CO-10", "BR-CO-13"}),
        ("tax_exclusive", "30.01", {"BR-CO-13", "BR-CO-15"}),
        ("tax_total", "5.71", {"BR-CO-14", "BR-CO-15"}),
        ("tax_inclusive", "35.71", {"BR-CO-15", "BR-CO-16"}),
        ("payable", "35.69", {"BR-CO-16"}),
    ],
)
def test_one_cent_fails_exactly_the_rules_that_involve_it(
    field: str, value: str, rules_that_fail: set[str]
) -> None:
    invoice = small_invoice(**{field: value})
    assert failed(invoice) == rules_that_fail
    assert not arithmetic_verified(check(invoice))
    finding = next(f for f in check(invoice) if f.status is Status.FAIL and f.difference)
    assert abs(finding.difference or 0) == D("0.01")


def test_a_wrong_line_product_is_named_by_its_line() -> None:
    line = Line(
        quantity=amount("3", "3"), unit_price=amount("10", "10"), net_amount=amount("31", "31")
    )
    (finding,) = [f for f in check(Invoice(lines=(line,))) if f.rule == "LINE-NET"]
    assert finding.status is Status.FAIL
    assert finding.expected == 30
    assert "line 1" in finding.message


def test_an_unreadable_amount_is_ambiguous_not_right() -> None:
    totals = Totals(tax_inclusive=amount("1.234"), payable=amount("5", "5"))
    (finding,) = [f for f in check(Invoice(totals=totals)) if f.rule == "BR-CO-16"]
    assert finding.status is Status.AMBIGUOUS
    assert not arithmetic_verified(check(Invoice(totals=totals)))


def test_nothing_printed_verifies_nothing() -> None:
    assert not arithmetic_verified(check(Invoice()))


def test_due_before_issue_fails() -> None:
    invoice = Invoice(
        issue_date=Printed[date](printed="a", value=date(2025, 2, 1)),
        due_date=Printed[date](printed="b", value=date(2025, 1, 1)),
    )
    assert "DATE-ORDER" in failed(invoice)


@pytest.mark.parametrize("code", locale_codes())
def test_generated_invoices_pass_every_rule_and_survive_the_answer(code: str) -> None:
    rng = Random(f"answer/{code}")
    for _ in range(50):
        truth = make_invoice(rng, load_locale(code))
        assert failed(truth) == set()
        answer = structured_data(truth)
        back = from_structured_data({"structured_data": answer})
        assert back.unknown == ()
        assert structured_data(back.invoice) == answer
        assert failed(typed(back.invoice)) == set()


def test_our_own_json_reads_back() -> None:
    truth = make_invoice(Random(1), load_locale("de-DE"))
    assert Invoice.model_validate_json(truth.model_dump_json()) == truth


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


def test_every_rule_has_an_id_of_its_own() -> None:
    assert len({rule.id for rule in rules.RULES}) == len(rules.RULES)

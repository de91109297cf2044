"""What decides a print that may mean several things: the document itself, or nothing."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from right_invoices import right_invoices

from erniekit_finetuning.invoice.model import Invoice, Line, Printed, Totals
from erniekit_finetuning.invoice.values import typed
from erniekit_finetuning.invoice.walk import leaves, mapped
from synthetic_invoice_generator.locale import load_locale, locale_codes
from synthetic_invoice_generator.scenario.scene import draw_scene, invoice_of

D = Decimal


def number(printed: str) -> Printed[Decimal]:
    return Printed[Decimal](printed=printed)


def text(printed: str) -> Printed[str]:
    return Printed[str](printed=printed)


def day(printed: str) -> Printed[date]:
    return Printed[date](printed=printed)


def payable(printed: str, **more: Any) -> Printed[Decimal]:
    read = typed(Invoice(totals=Totals(payable=number(printed)), **more)).totals.payable
    assert read is not None
    return read


def issued(printed: str, **more: Any) -> Printed[date]:
    read = typed(Invoice(issue_date=day(printed), **more)).issue_date
    assert read is not None
    return read


def test_alone_it_stays_ambiguous_with_its_readings() -> None:
    read = payable("1.234")
    assert read.value is None
    assert read.readings == (D("1.234"), D(1234))
    assert read.printed == "1.234"
    assert payable("nothing") == Printed[Decimal](printed="nothing")


def test_the_documents_other_numbers_decide() -> None:
    assert payable("1.234", lines=(Line(unit_price=number("12,50")),)).value == 1234
    assert payable("1.234", lines=(Line(quantity=number("2.5")),)).value == D("1.234")


def test_numbers_that_disagree_decide_nothing() -> None:
    lines = (Line(unit_price=number("12,50")), Line(unit_price=number("12.50")))
    assert payable("1.234", lines=lines, language="de-DE").value is None


def test_the_reading_under_which_the_sums_hold_decides() -> None:
    invoice = Invoice(
        currency=text("EUR"),
        lines=(Line(net_amount=number("1.234")), Line(net_amount=number("500"))),
        totals=Totals(line_total=number("1.734")),
    )
    read = typed(invoice)
    assert read.totals.line_total is not None
    assert read.totals.line_total.value == 1734
    assert read.lines[0].net_amount is not None
    assert read.lines[0].net_amount.value == 1234


def test_sums_that_hold_either_way_decide_nothing() -> None:
    lines = (Line(net_amount=number("1.234")), Line(net_amount=number("2.345")))
    read = typed(Invoice(lines=lines, totals=Totals(line_total=number("3.579"))))
    assert read.totals.line_total is not None
    assert read.totals.line_total.value is None


def test_a_number_that_no_sum_speaks_of_stays_ambiguous_beside_those_that_do() -> None:
    invoice = Invoice(
        lines=(
            Line(quantity=number("1.500"), net_amount=number("1.234")),
            Line(net_amount=number("500")),
        ),
        totals=Totals(line_total=number("1.734")),
    )
    line = typed(invoice).lines[0]
    assert line.net_amount is not None
    assert line.net_amount.value == 1234
    assert line.quantity is not None
    assert line.quantity.value is None


@pytest.mark.parametrize(
    ("printed", "currency", "language", "value"),
    [
        ("1.234", "EUR", "de", "1234"),
        ("1.234", "EUR", "en-IE", "1.234"),
        ("1.234", "EUR", None, None),
        ("1.234", "EUR", "en", None),
        ("1,234", "$", None, None),
        ("1,234", "$", "en", "1234"),
        ("1,234", "USD", "en-US", "1234"),
        ("¥1,234", None, None, "1234"),
        ("1.234 zł", None, None, "1234"),
        ("₹12,345", None, None, "12345"),
        ("1.234", "CHF", "de", "1.234"),
    ],
)
def test_language_and_currency_decide_where_all_their_countries_agree(
    printed: str, currency: str | None, language: str | None, value: str | None
) -> None:
    read = payable(printed, currency=currency and text(currency), language=language)
    assert read.value == (None if value is None else D(value))


def test_a_date_is_decided_by_other_dates_terms_sequence_language_or_currency() -> None:
    assert issued("03/04/2025").value is None
    assert set(issued("03/04/2025").readings) == {date(2025, 4, 3), date(2025, 3, 4)}
    assert issued("03/04/2025", due_date=day("25/04/2025")).value == date(2025, 4, 3)
    assert issued("03/04/2025", due_date=day("04/25/2025")).value == date(2025, 3, 4)
    thirty = {"due_date": day("02/05/2025"), "payment_terms": text("Net 30 days")}
    assert issued("02/04/2025", **thirty).value == date(2025, 4, 2)
    assert issued("05/04/2025", due_date=day("04/05/2025")).value == date(2025, 4, 5)
    assert issued("03/04/2025", language="de").value == date(2025, 4, 3)
    assert issued("03/04/2025", language="en-US").value == date(2025, 3, 4)
    assert issued("3 listopada 2025").value is None
    assert issued("3 listopada 2025", language="pl-PL").value == date(2025, 11, 3)
    assert issued("03/04/2025", currency=text("EUR")).value == date(2025, 4, 3)
    assert issued("03/04/2025", currency=text("USD")).value is None


def test_a_currency_sign_of_several_countries_is_not_guessed() -> None:
    read = typed(Invoice(currency=text("$"))).currency
    assert read is not None
    assert read.value is None
    assert "CAD" in read.readings


@pytest.mark.parametrize("code", locale_codes())
def test_what_the_generator_prints_is_read_as_it_was_meant_or_left_ambiguous(code: str) -> None:
    rng = Random(code)
    for _ in range(40):
        truth = invoice_of(draw_scene(rng, load_locale(code)))
        blank = mapped(
            truth, lambda _, value: value.model_copy(update={"value": None, "readings": ()})
        )
        for (path, meant), (_, read) in zip(leaves(truth), leaves(typed(blank)), strict=True):
            if isinstance(meant.value, Decimal):  # a discount may be printed with a minus
                sizes = {abs(value) for value in (read.value, *read.readings) if value is not None}
                assert abs(meant.value) in sizes, path
            elif isinstance(meant.value, date):
                assert meant.value in (read.value, *read.readings), path


@given(right_invoices(), st.sampled_from([".", ","]))
def test_a_whole_document_in_either_convention_is_never_read_wrong(
    invoice: Invoice, mark: str
) -> None:
    def printed(_: str, value: Printed[Any]) -> Printed[Any]:
        if not isinstance(value.value, Decimal):
            return value
        grouped = f"{value.value:,f}"
        if mark == ",":
            grouped = grouped.translate(str.maketrans(",.", ".,"))
        return Printed[Decimal](printed=grouped)

    for (_, meant), (_, read) in zip(
        leaves(invoice), leaves(typed(mapped(invoice, printed))), strict=True
    ):
        if isinstance(meant.value, Decimal):
            assert read.value == meant.value or (
                read.value is None and meant.value in read.readings
            )

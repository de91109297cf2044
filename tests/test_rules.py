"""The rules: official verdicts, laws that any right invoice obeys, and each rule's edges."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from right_invoices import UNTAXED, amount, day, right_invoices, text

from erniekit_finetuning.invoice import rules
from erniekit_finetuning.invoice.model import (
    Account,
    AllowanceCharge,
    Invoice,
    Line,
    Party,
    Printed,
    Syntax,
    TaxSubtotal,
    Totals,
)
from erniekit_finetuning.invoice.rules import (
    Finding,
    Profile,
    Severity,
    Status,
    arithmetic_verified,
    check,
    round_half_up,
)
from erniekit_finetuning.invoice.rules.lines import minor_unit
from erniekit_finetuning.invoice.shapes import read_invoice
from erniekit_finetuning.invoice.walk import leaves, mapped

D = Decimal
OFFICIAL = Path(__file__).parents[2] / "shared/data/en16931"
needs_official = pytest.mark.skipif(
    not OFFICIAL.is_dir(), reason="the official EN 16931 cases are not on this machine"
)


def records(name: str) -> list[dict[str, Any]]:
    file = OFFICIAL / name
    return [json.loads(line) for line in file.open(encoding="utf-8")] if file.is_file() else []


def failed(invoice: Invoice, profile: Profile = Profile.EN16931) -> set[str]:
    return {f.rule for f in check(invoice, profile) if f.status is Status.FAIL}


def of(rule: str, invoice: Invoice, profile: Profile = Profile.EN16931) -> list[Finding]:
    return [finding for finding in check(invoice, profile) if finding.rule == rule]


@needs_official
@pytest.mark.parametrize("case", records("cases.jsonl"), ids=lambda case: case["id"])
def test_official_unit_case(case: dict[str, Any]) -> None:
    profile = Profile.PEPPOL if case["rule"].startswith("PEPPOL") else Profile.EN16931
    verdict = case["rule"] in failed(read_invoice(case).invoice, profile)
    assert verdict == (case["expected"] == "fail")


@needs_official
@pytest.mark.parametrize("document", records("documents.jsonl"), ids=lambda row: row["source"])
def test_official_document(document: dict[str, Any]) -> None:
    official = {rule.id for rule in rules.RULES if rule.source == "EN 16931-1"}
    found = failed(read_invoice(document).invoice) & official
    assert found == set(document["failed_rules"])


@given(right_invoices())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_a_right_invoice_passes_every_rule(invoice: Invoice) -> None:
    for profile in Profile:
        findings = check(invoice, profile)
        assert [f for f in findings if f.status in (Status.FAIL, Status.AMBIGUOUS)] == []
        assert arithmetic_verified(findings)


def involved(invoice: Invoice, path: str, profile: Profile) -> set[str]:
    """The rules without slack that a value takes part in, written down from the rules' texts."""
    head, _, field = path.rpartition(".")
    category = ""
    if head.startswith("tax_breakdown"):
        part = invoice.tax_breakdown[int(head[14:-1])]
        category = str(part.category and part.category.value)
    elif head.startswith(("lines", "allowances", "charges")) and "." not in head:
        owner = getattr(invoice, head.partition("[")[0])[int(head.partition("[")[2][:-1])]
        category = str(owner.tax_category.value)
    name = "IC" if category == "K" else category
    base = {f"BR-{name}-08"} if category in UNTAXED else set()
    tax = {f"BR-{name}-09"} if category in UNTAXED else set()
    found = {
        "totals.line_total": {"BR-CO-10", "BR-CO-13"},
        "totals.allowance_total": {"BR-CO-11", "BR-CO-13"},
        "totals.charge_total": {"BR-CO-12", "BR-CO-13"},
        "totals.tax_exclusive": {"BR-CO-13", "BR-CO-15"},
        "totals.tax_total": {"BR-CO-14", "BR-CO-15"},
        "totals.tax_inclusive": {"BR-CO-15", "BR-CO-16"},
        "totals.prepaid": {"BR-CO-16"},
        "totals.rounding": {"BR-CO-16"},
        "totals.payable": {"BR-CO-16"},
    }.get(path)
    if found is None and field == "net_amount":
        found = {"BR-CO-10", "LINE-NET", *base}
    elif found is None and head.startswith("tax_breakdown"):
        found = {"tax": {"BR-CO-14", *tax}, "taxable": base}[field]
    elif found is None:
        found = {"BR-CO-11" if head.startswith("allowances") else "BR-CO-12", *base}
    return {rule for rule in found if profile in rules.BY_ID[rule].profiles}


def cent_more(invoice: Invoice, path: str) -> Invoice:
    wanted = dict(leaves(invoice))[path]

    def change(_: str, value: Printed[Any]) -> Printed[Any]:
        return amount(value.value + D("0.01")) if value is wanted else value

    return mapped(invoice, change)


@given(right_invoices(), st.data())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_one_changed_cent_fails_exactly_the_rules_that_involve_it(
    invoice: Invoice, data: st.DataObject
) -> None:
    paths = [
        path
        for path, value in leaves(invoice)
        if path.rpartition(".")[2] in {"net_amount", "taxable", "tax", *Totals.model_fields}
        or (path.rpartition(".")[2] == "amount" and not path.startswith("lines"))
        if isinstance(value.value, Decimal)
    ]
    path = data.draw(st.sampled_from(paths))
    changed = cent_more(invoice, path)
    for profile in Profile:
        # A rule that allows 0.02 or 1.00 does not see a cent, so it is not among the expected.
        assert failed(changed, profile) == involved(invoice, path, profile), path


def small(syntax: Syntax | None = None, **totals: str) -> Invoice:
    values = {
        "line_total": "30.00",
        "tax_exclusive": "30.00",
        "tax_total": "5.70",
        "tax_inclusive": "35.70",
        "payable": "35.70",
    } | totals
    return Invoice(
        syntax=syntax,
        number=text("1"),
        issue_date=day(date(2025, 1, 1)),
        seller=Party(name=text("A")),
        lines=(
            Line(quantity=amount(2), unit_price=amount(10), net_amount=amount("20.00")),
            Line(net_amount=amount("10.00")),
        ),
        tax_breakdown=(TaxSubtotal(rate=amount(19), taxable=amount(30), tax=amount("5.70")),),
        totals=Totals(**{name: amount(value) for name, value in values.items() if value}),
    )


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
def test_a_finding_carries_its_numbers(field: str, value: str, rules_that_fail: set[str]) -> None:
    findings = check(small(**{field: value}))
    bad = [finding for finding in findings if finding.status is Status.FAIL]
    assert {finding.rule for finding in bad} == rules_that_fail
    assert all(abs(finding.difference or 0) == D("0.01") for finding in bad)
    assert all(f"totals.{field}" in finding.fields for finding in bad)
    assert not arithmetic_verified(findings)
    row = bad[0].to_json()
    assert json.loads(json.dumps(row)) == row
    assert D(row["found"]) - D(row["expected"]) == D(row["difference"])


def test_what_a_page_does_not_print_is_not_judged_but_a_structured_invoice_must_say_it() -> None:
    assert "BR-CO-13" not in failed(small(tax_exclusive=""))
    assert "BR-CO-13" in failed(small(Syntax.UBL, tax_exclusive=""))
    (finding,) = of("BR-CO-15", small(tax_exclusive=""))
    assert finding.status is Status.PASS  # against the subtotal


def test_paper_prints_a_discount_with_or_without_its_minus() -> None:
    totals = {"allowance_total": "-3.00", "tax_exclusive": "27.00"}
    assert "BR-CO-13" not in failed(small(**totals))
    assert "BR-CO-13" not in failed(small(**totals | {"allowance_total": "3.00"}))
    assert "BR-CO-13" in failed(small(Syntax.UBL, **totals))


def test_ubl_and_cii_differ_where_the_official_rules_do() -> None:
    def taxed(syntax: Syntax, tax: str) -> Invoice:
        part = TaxSubtotal(rate=amount(20), taxable=amount(100), tax=amount(tax))
        return Invoice(syntax=syntax, tax_breakdown=(part,))

    assert "BR-CO-17" not in failed(taxed(Syntax.CII, "21"))
    assert "BR-CO-17" in failed(taxed(Syntax.CII, "21.01"))
    assert "BR-CO-17" not in failed(taxed(Syntax.UBL, "20.99"))
    assert "BR-CO-17" in failed(taxed(Syntax.UBL, "21"))
    alone = Totals(tax_total=amount("5.00"))
    assert "BR-CO-14" in failed(Invoice(syntax=Syntax.CII, totals=alone))
    assert "BR-CO-14" not in failed(Invoice(syntax=Syntax.UBL, totals=alone))
    # CII accepts a grand total that equals the tax basis, whatever the tax says.
    same = {"tax_inclusive": "30.00", "payable": "30.00"}
    assert "BR-CO-15" not in failed(small(Syntax.CII, **same))
    assert "BR-CO-15" in failed(small(Syntax.UBL, **same))


def test_two_tax_totals_in_one_currency_are_wrong_in_xml_and_ambiguous_on_paper() -> None:
    twice = Printed[Decimal](printed="5.70", readings=(D("5.70"), D("6.00")))
    for syntax, status in ((Syntax.UBL, Status.FAIL), (None, Status.AMBIGUOUS)):
        invoice = small(syntax)
        totals = invoice.totals.model_copy(update={"tax_total": twice})
        (finding,) = of("BR-CO-15", invoice.model_copy(update={"totals": totals}))
        assert finding.status is status


def test_peppol_rules_are_warnings_elsewhere() -> None:
    line = Line(quantity=amount(3), unit_price=amount(10), net_amount=amount(31))
    invoice = Invoice(syntax=Syntax.UBL, lines=(line,))
    (peppol,) = of("PEPPOL-EN16931-R120", invoice, Profile.PEPPOL)
    (elsewhere,) = of("PEPPOL-EN16931-R120", invoice)
    assert peppol.broken
    assert elsewhere.status is Status.FAIL
    assert elsewhere.severity is Severity.WARNING
    assert not elsewhere.broken
    assert of("PEPPOL-EN16931-R120", invoice, Profile.SIMPLE) == []


@pytest.mark.parametrize(
    ("net", "right"), [("0.82", True), ("0.83", True), ("0.84", False), ("0.81", False)]
)
def test_a_line_may_be_rounded_up_or_down(net: str, right: bool) -> None:
    line = Line(quantity=amount("2.5"), unit_price=amount("0.33"), net_amount=amount(net))
    (finding,) = of("LINE-NET", Invoice(lines=(line,)), Profile.SIMPLE)
    assert (finding.status is Status.PASS) == right
    assert finding.expected == D("0.825")


def test_the_currency_says_what_may_be_rounded() -> None:
    line = Line(quantity=amount("1.5"), unit_price=amount(333), net_amount=amount(499))
    for code, status in (("JPY", Status.PASS), ("EUR", Status.FAIL)):
        (finding,) = of("LINE-NET", Invoice(currency=text(code), lines=(line,)), Profile.SIMPLE)
        assert finding.status is status


def test_a_page_in_dinars_adds_up_to_three_decimals() -> None:
    lines = (Line(net_amount=amount("1.234")), Line(net_amount=amount("2.345")))
    right = Invoice(lines=lines, totals=Totals(line_total=amount("3.579")))
    wrong = Invoice(lines=lines, totals=Totals(line_total=amount("3.578")))
    assert "BR-CO-10" not in failed(right)
    assert "BR-CO-10" in failed(wrong)


def test_a_wrong_line_is_named() -> None:
    line = Line(quantity=amount(3), unit_price=amount(10), net_amount=amount(31))
    (finding,) = of("LINE-NET", Invoice(lines=(line,)), Profile.SIMPLE)
    assert finding.broken
    assert finding.expected == 30
    assert finding.fields[0] == "lines[0].quantity"


def test_price_base_quantity_allowances_and_discount_enter_the_line() -> None:
    line = Line(
        quantity=amount(10),
        unit_price=amount(20),
        price_base_quantity=amount(2),
        discount_rate=amount(10),
        allowances=(AllowanceCharge(amount=amount(30)),),
        charges=(AllowanceCharge(amount=amount(20)),),
        net_amount=amount(80),
    )
    (finding,) = of("LINE-NET", Invoice(lines=(line,)), Profile.SIMPLE)
    assert finding.status is Status.PASS


def test_one_tax_rate_for_all_lines_is_checked_without_a_breakdown() -> None:
    line = Line(tax_rate=amount(19), net_amount=amount(100))
    totals = Totals(tax_exclusive=amount(100), tax_total=amount("19.02"))
    (finding,) = of("TAX-RATE", Invoice(lines=(line,), totals=totals), Profile.SIMPLE)
    assert finding.broken


def test_an_unreadable_amount_is_ambiguous_not_right() -> None:
    totals = Totals(tax_inclusive=Printed[Decimal](printed="1.234"), payable=amount(5))
    (finding,) = of("BR-CO-16", Invoice(totals=totals))
    assert finding.status is Status.AMBIGUOUS
    assert not arithmetic_verified(check(Invoice(totals=totals)))


def test_nothing_printed_verifies_nothing() -> None:
    assert not arithmetic_verified(check(Invoice()))


def test_dates_in_the_wrong_order_fail() -> None:
    first, second = day(date(2025, 1, 1)), day(date(2025, 2, 1))
    assert "DATE-ORDER" in failed(Invoice(issue_date=second, due_date=first))
    assert "DATE-ORDER" in failed(Invoice(period_start=second, period_end=first))
    assert "DATE-ORDER" not in failed(Invoice(issue_date=first, due_date=first))


def test_what_every_invoice_must_say() -> None:
    (finding,) = of("REQUIRED", Invoice(number=text("1")))
    assert finding.fields == ("issue_date", "seller.name", "lines", "totals.payable")
    (finding,) = of("REQUIRED", small())
    assert finding.status is Status.PASS


def test_a_repeated_line_is_worth_a_look() -> None:
    line = Line(description=text("a"), quantity=amount(1), net_amount=amount(5))
    other = line.model_copy(update={"net_amount": amount("5.00")})
    (finding,) = of("DUPLICATE-LINES", Invoice(lines=(line, other)))
    assert finding.status is Status.FAIL
    assert finding.severity is Severity.WARNING
    assert finding.fields == ("lines[0]", "lines[1]")
    more = line.model_copy(update={"quantity": amount(2)})
    (finding,) = of("DUPLICATE-LINES", Invoice(lines=(line, more)))
    assert finding.status is Status.PASS


@pytest.mark.parametrize(
    ("rule", "invoice"),
    [
        ("VAT-ID", Invoice(seller=Party(vat_id=text("DE136695977")))),
        ("VAT-ID", Invoice(buyer=Party(vat_id=text("FR 41 303 265 045")))),
        ("IBAN", Invoice(accounts=(Account(iban=text("DE88 3704 0044 0532 0130 00")),))),
        ("BIC", Invoice(accounts=(Account(bic=text("DEUT4DFF")),))),
        ("GTIN", Invoice(lines=(Line(gtin=text("4006381333932")),))),
        ("GTIN", Invoice(seller=Party(gln=text("4000001000006")))),
    ],
)
def test_check_digits(rule: str, invoice: Invoice) -> None:
    (finding,) = of(rule, invoice)
    assert finding.broken
    assert finding.fields
    assert finding.message


def test_right_check_digits() -> None:
    invoice = Invoice(
        seller=Party(vat_id=text("DE136695976"), gln=text("4000001000005")),
        buyer=Party(vat_id=text("ZZ99")),
        accounts=(Account(iban=text("DE89 3704 0044 0532 0130 00"), bic=text("DEUTDEFF")),),
        lines=(Line(gtin=text("4006381333931")),),
    )
    for rule in ("VAT-ID", "IBAN", "BIC", "GTIN"):
        assert {f.status for f in of(rule, invoice)} <= {Status.PASS, Status.NOT_APPLICABLE}


@pytest.mark.parametrize(
    ("exact", "rounded"),
    [("0.005", "0.01"), ("-0.005", "0.00"), ("-0.006", "-0.01"), ("2.675", "2.68")],
)
def test_halves_round_towards_plus_infinity(exact: str, rounded: str) -> None:
    assert round_half_up(D(exact)) == D(rounded)


def test_the_longest_numbers_stay_exact() -> None:
    most = D("9" * 18 + "." + "9" * 20)
    line = Line(quantity=amount(most), unit_price=amount(most), net_amount=amount("1.00"))
    (finding,) = of("LINE-NET", Invoice(lines=(line,)), Profile.SIMPLE)
    assert finding.broken
    assert finding.expected is not None
    assert len(finding.expected.as_tuple().digits) == 76


def test_every_rule_has_an_id_a_text_a_source_and_a_profile() -> None:
    assert len({rule.id for rule in rules.RULES}) == len(rules.RULES)
    assert all(r.text and r.source and r.tolerance and r.profiles for r in rules.RULES)
    wanted = {f"BR-CO-{number}" for number in range(10, 18)}
    wanted |= {
        f"BR-{c}-0{n}" for c in ["S", "Z", "E", "AE", "G", "IC", "AF", "AG", "O"] for n in (8, 9)
    }
    wanted |= {f"PEPPOL-EN16931-R{number}" for number in ("040", "046", "120")}
    assert wanted <= rules.BY_ID.keys()


def test_the_docs_list_every_rule() -> None:
    page = (Path(__file__).parents[1] / "docs/rules.md").read_text("utf-8")
    for rule in rules.RULES:
        marks = ("W" if rule.profiles.get(p) is Severity.WARNING else "yes" for p in Profile)
        cells = (mark if p in rule.profiles else "" for mark, p in zip(marks, Profile, strict=True))
        row = f"| {rule.id} | {rule.text} | {rule.tolerance} | {' | '.join(cells)} |"
        assert row in page, row


def test_income_tax_withheld_lowers_what_is_payable() -> None:
    invoice = small(withholding="5.00", payable="30.70")
    assert failed(invoice, Profile.SIMPLE) == set()
    assert failed(small(withholding="5.00", payable="35.70"), Profile.SIMPLE) == {"BR-CO-16"}


def test_a_receipt_whose_prices_include_tax_adds_up_to_the_total_with_tax() -> None:
    totals = Totals(
        line_total=amount("119.00"), tax_total=amount("19.00"), tax_inclusive=amount("119.00")
    )
    invoice = small().model_copy(update={"totals": totals, "tax_breakdown": (), "lines": ()})
    receipt = invoice.model_copy(update={"prices_include_tax": True})
    assert failed(receipt, Profile.SIMPLE) == {"REQUIRED"}
    assert failed(invoice, Profile.SIMPLE) == {"REQUIRED", "BR-CO-15"}
    with_net = totals.model_copy(update={"tax_exclusive": amount("100.00")})
    assert failed(receipt.model_copy(update={"totals": with_net}), Profile.SIMPLE) == {"REQUIRED"}


@pytest.mark.parametrize(
    ("printed", "right"), [("€ 35,70", True), ("35.70", True), ("$35.70", False)]
)
def test_an_amount_in_another_currency_is_found(printed: str, right: bool) -> None:
    payable = Printed(printed=printed, value=D("35.70"))
    invoice = small().model_copy(update={"currency": text("EUR")})
    totals = invoice.totals.model_copy(update={"payable": payable})
    invoice = invoice.model_copy(update={"totals": totals})
    assert failed(invoice, Profile.SIMPLE) == (set() if right else {"CURRENCY"})
    in_dollars = {"tax_total_in_tax_currency": Printed(printed="$ 21", value=Decimal(21))}
    totals = totals.model_copy(update=in_dollars)
    abroad = {"tax_currency": text("USD"), "totals": totals}
    assert right == ("CURRENCY" not in failed(invoice.model_copy(update=abroad), Profile.SIMPLE))


@pytest.mark.parametrize(
    ("printed", "net", "unit"),
    [
        ("¥", "1200", "1"),  # yen or yuan, and every amount is whole
        ("¥", "12.50", "0.01"),  # yen has no cents
        ("$", "1200", "1"),  # pesos of Chile have no cents either
        ("$", "12.50", "0.01"),
        ("円", "1200", "1"),
        (None, "1200", "0.01"),
    ],
)
def test_a_sign_of_two_currencies_is_rounded_as_its_amounts_are(
    printed: str | None, net: str, unit: str
) -> None:
    """Regression: whole yen were checked in cents where the page said only the sign."""
    summary = {"subtotal": net} | ({"currency": printed} if printed else {})
    invoice = read_invoice({"financial_summary": summary}).invoice
    assert minor_unit(invoice) == Decimal(unit)


def test_the_language_settles_a_sign_of_two_currencies() -> None:
    truth = {"invoice_id": "1", "currency": "¥", "grand_total": "1200", "items": []}
    for language, code in (("ja", "JPY"), ("zh-CN", "CNY"), ("en", None)):
        currency = read_invoice(truth | {"language": language}).invoice.currency
        assert currency is not None
        assert currency.value == code

"""What is drawn: exact sums, rules that hold, faults that break one, valid identifiers."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest
import stdnum.bic
import stdnum.br.cnpj
import stdnum.ch.vat
import stdnum.cn.uscc
import stdnum.ean
import stdnum.eu.vat
import stdnum.gb.vat
import stdnum.iban
import stdnum.in_.gstin
import stdnum.jp.cn
from hypothesis import given
from hypothesis import strategies as st

from erniekit_finetuning.documents.pdf import read_pdf
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.invoice.model import Invoice
from erniekit_finetuning.invoice.rules import Profile, Status, check
from erniekit_finetuning.invoice.walk import leaves
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.draft import draft
from synthetic_invoice_generator.faults.kinds import FaultKind
from synthetic_invoice_generator.faults.slips import misread
from synthetic_invoice_generator.locale import (
    LABEL_KEYS,
    LabelKey,
    load_locale,
    locale_codes,
)
from synthetic_invoice_generator.looks.rendering import render_pdf
from synthetic_invoice_generator.scenario.amounts import CENT, Slip, Step, Terms, sums
from synthetic_invoice_generator.scenario.goods import gtin
from synthetic_invoice_generator.scenario.identifiers import IBAN_COUNTRIES, bic, iban, vat_number
from synthetic_invoice_generator.settings import Shares

D = Decimal
TOTALS: tuple[LabelKey, ...] = (
    "line_total", "allowance_total", "charge_total", "tax_exclusive", "tax_total",
    "tax_inclusive", "prepaid", "withholding", "rounding", "payable",
)  # fmt: skip


def broken(invoice: Invoice, profile: Profile = Profile.SIMPLE) -> set[str]:
    bad = (Status.FAIL, Status.AMBIGUOUS)
    return {finding.rule for finding in check(invoice, profile) if finding.status in bad}


@pytest.mark.parametrize("profile", Profile)
def test_every_invoice_passes_every_rule(profile: Profile) -> None:
    for index in range(600):
        assert not broken(draft(GeneratorConfig(), 11, index).invoice, profile), index


def test_the_sums_are_those_of_a_worked_example() -> None:
    lines = [(D("100.00"), D("19")), (D("0.03"), D("19")), (D("50.00"), D("7"))]
    result = sums(lines, Terms(prepaid_share=D(10), withholding_rate=D(20)))
    assert (result.line_total, result.tax_exclusive) == (D("150.03"), D("150.03"))
    assert [(row.rate, row.taxable, row.tax) for row in result.tax] == [
        (D(19), D("100.03"), D("19.01")),
        (D(7), D("50.00"), D("3.50")),
    ]
    assert (result.tax_total, result.tax_inclusive) == (D("22.51"), D("172.54"))
    assert (result.prepaid, result.withholding) == (D("17.25"), D("30.01"))
    assert result.payable == D("125.28")


def test_sums_in_yen_in_two_taxes_with_tax_included_and_rounded_to_five_cents() -> None:
    yen = sums([(D(1055), D(10))], Terms(unit=D(1)))
    assert (yen.tax_total, yen.tax_inclusive) == (D(106), D(1161))
    india = sums([(D("99.99"), D(18))], Terms(parts=2, round_to=D(1)))
    assert [(row.rate, row.tax) for row in india.tax] == [(D(9), D("9.00"))] * 2
    assert (india.rounding, india.payable) == (D("0.01"), D("118.00"))
    shop = sums([(D("11.90"), D(19)), (D("1.07"), D(7))], Terms(include_tax=True))
    assert (shop.tax_inclusive, shop.tax_exclusive, shop.tax_total) == (
        D("12.97"),
        D("11.00"),
        D("1.97"),
    )
    swiss = sums([(D("10.02"), D("8.1"))], Terms(round_to=D("0.05")))
    assert (swiss.tax_inclusive, swiss.payable, swiss.rounding) == (
        D("10.83"),
        D("10.85"),
        D("0.02"),
    )


@given(
    nets=st.lists(st.integers(1, 10**7), min_size=1, max_size=8),
    rate=st.sampled_from(["0", "5", "8.875", "19"]),
    share=st.integers(0, 90),
    step=st.none() | st.sampled_from(Step),
)
def test_a_slip_is_followed_by_every_later_amount(
    nets: list[int], rate: str, share: int, step: Step | None
) -> None:
    lines = [(D(net) / 100, D(rate)) for net in nets]
    slip = None if step is None else Slip(step, D("9.00"))
    made = sums(lines, Terms(prepaid_share=D(share)), slip)
    wrong = {
        Step.LINE_TOTAL: made.line_total != sum(net for net, _ in lines),
        Step.TAX_EXCLUSIVE: made.tax_exclusive != made.line_total,
        Step.TAX: abs(made.tax[0].tax - made.tax[0].taxable * D(rate) / 100) > CENT,
        Step.TAX_TOTAL: made.tax_total != sum(row.tax for row in made.tax),
        Step.TAX_INCLUSIVE: made.tax_inclusive != made.tax_exclusive + made.tax_total,
        Step.PAYABLE: made.payable != made.tax_inclusive - made.prepaid,
    }
    assert [name for name, is_wrong in wrong.items() if is_wrong] == ([step] if step else [])


def test_invoices_vary_and_leave_optional_fields_out() -> None:
    invoices = [draft(GeneratorConfig(), 12, index).invoice for index in range(200)]
    assert len({invoice.number.printed for invoice in invoices if invoice.number}) > 190
    assert len({len(invoice.lines) for invoice in invoices}) >= 7
    for name in ("due_date", "payment_terms", "currency"):
        absent = sum(getattr(invoice, name) is None for invoice in invoices)
        assert 0 < absent < 150, name
    assert any(len(invoice.tax_breakdown) == 2 for invoice in invoices)
    assert any(invoice.totals.prepaid for invoice in invoices)
    assert any(invoice.totals.allowance_total for invoice in invoices)


IN_THE_UNION = ["DE", "FR", "AT", "NL", "BE", "ES", "IT", "PL"]
RULES = {
    "GB": stdnum.gb.vat, "CH": stdnum.ch.vat, "IN": stdnum.in_.gstin, "BR": stdnum.br.cnpj,
    "CN": stdnum.cn.uscc,
}  # fmt: skip


@pytest.mark.parametrize("country", [*IN_THE_UNION, *RULES, "JP"])
def test_vat_numbers_have_valid_check_digits(country: str) -> None:
    rng = Random(5)
    for _ in range(60):
        number = vat_number(rng, country)
        if country in IN_THE_UNION:
            assert stdnum.eu.vat.is_valid(number), number
        elif country == "JP":
            assert number[0] == "T"
            assert stdnum.jp.cn.is_valid(number[1:]), number
        else:
            assert RULES[country].is_valid(number), number


@pytest.mark.parametrize("country", sorted(IBAN_COUNTRIES))
def test_ibans_and_gtins_have_valid_check_digits(country: str) -> None:
    rng = Random(6)
    for _ in range(60):
        number = iban(rng, country)
        assert stdnum.iban.is_valid(number), number
        assert stdnum.bic.is_valid(bic(rng, country))
        assert stdnum.ean.is_valid(gtin(rng))


@pytest.mark.parametrize("code", locale_codes())
def test_house_wordings_are_never_common_and_each_total_has_words_of_its_own(code: str) -> None:
    locale = load_locale(code)
    for key in LABEL_KEYS:
        words = locale.labels[key]
        common = {text.casefold() for text in words.common}
        assert not common & {text.casefold() for text in words.house}, key
        assert len(words.common) >= 3, key
    seen: dict[str, str] = {}
    for total in TOTALS:
        for text in locale.labels[total].common + locale.labels[total].house:
            assert seen.setdefault(text.casefold(), total) == total, text


@pytest.mark.parametrize("kind", FaultKind)
def test_a_fault_breaks_exactly_its_rule_and_the_page_shows_it(kind: FaultKind) -> None:
    config = GeneratorConfig(faults={kind: 1}, shares=Shares(faulty=1))
    for index in range(25):
        made = draft(config, 31, index)
        assert made.fault is not None
        assert made.fault.kind is kind
        assert broken(made.invoice) == {made.fault.rule}
        found = {path: value.printed for path, value in leaves(made.invoice)}
        assert found.get(made.fault.field) == made.fault.printed != made.fault.right
        document = read_pdf(render_pdf(made.invoice, made.style))
        text = "".join(word.text for page in document.pages for word in page.words)
        for printed in found.values():
            for row in printed.split("\n"):
                assert "".join(row.split()) in text, row


@given(st.integers(1, 10**9), st.sampled_from(["0.01", "1", "0.001"]), st.randoms())
def test_a_misread_amount_is_never_the_right_one(units: int, unit: str, rng: Random) -> None:
    right = units * D(unit)
    assert misread(rng, right, D(unit)) != right
    assert misread(rng, -right, D(unit)) != -right


def test_an_impossible_fault_is_an_error_not_a_faultless_set() -> None:
    config = GeneratorConfig(
        faults={FaultKind.CHECKSUM: 1},
        locales={"en-US": 1},
        shares=Shares(faulty=1, gtin=0, abroad=0),
    )
    with pytest.raises(UnusableInput, match="no document of these settings can have this fault"):
        draft(config, 1, 0)

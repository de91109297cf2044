"""What printed amounts, quantities and percents may mean, over the locales that invoices use."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from babel.numbers import format_currency, format_decimal, get_decimal_symbol
from hypothesis import given
from hypothesis import strategies as st

from erniekit_finetuning.invoice import amounts
from erniekit_finetuning.invoice.amounts import currency_codes, money, percent, quantity
from erniekit_finetuning.invoice.conventions import usual_mark
from erniekit_finetuning.invoice.currencies import currency_readings

D = Decimal
LOCALES = [
    "en_US",
    "en_GB",
    "en_IN",
    "hi_IN",
    "de_DE",
    "de_CH",
    "fr_FR",
    "fr_CH",
    "it_IT",
    "es_ES",
    "es_MX",
    "nl_NL",
    "pl_PL",
    "pt_BR",
    "pt_PT",
    "sv_SE",
    "da_DK",
    "nb_NO",
    "fi_FI",
    "cs_CZ",
    "hu_HU",
    "tr_TR",
    "ro_RO",
    "ja_JP",
    "zh_CN",
    "ko_KR",
]


def table() -> list[tuple[str, str, list[Decimal]]]:
    rows = []
    for line in (Path(__file__).parent / "tables/money.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            locale, printed, meaning = line.split(" | ")
            values = [] if meaning == "x" else [D(part) for part in meaning.split(" / ")]
            rows.append((locale.strip(), printed, values))
    return rows


def test_the_table_covers_what_it_promises() -> None:
    rows = table()
    assert len({printed for _, printed, _ in rows}) >= 300
    assert len({locale for locale, _, _ in rows}) >= 12
    assert sum(len(values) == 2 for _, _, values in rows) >= 25


@pytest.mark.parametrize(("locale", "printed", "values"), table())
def test_money(locale: str, printed: str, values: list[Decimal]) -> None:
    found = money(printed)
    if len(values) == 2:
        assert list(found.values()) == values or list(found.values()) == values[::-1]
        assert list(found) == [".", ","]
    else:
        assert set(found.values()) == set(values)


@pytest.mark.parametrize(
    ("printed", "values"),
    [
        ("19 %", {"19"}),
        ("19%", {"19"}),
        ("7,7 %", {"7.7"}),
        ("7.70%", {"7.7"}),
        ("%18", {"18"}),
        ("% 18", {"18"}),
        ("19,00 % MwSt.", {"19"}),
        ("VAT 20%", {"20"}),
        ("20 v.H.", {"20"}),
        ("5.5 percent", {"5.5"}),
        ("-2 %", {"-2"}),
        ("19", {"19"}),
        ("1.234 %", {"1.234", "1234"}),
        ("８％", {"8"}),
        ("MwSt. 19", set()),
        ("19 % 7 %", set()),
        ("", set()),
    ],
)
def test_percents(printed: str, values: set[str]) -> None:
    assert set(percent(printed).values()) == {D(value) for value in values}


@pytest.mark.parametrize(
    ("printed", "values"),
    [
        ("2", {"2"}),
        ("2 Stk", {"2"}),
        ("2,5 kg", {"2.5"}),
        ("2.50 hrs", {"2.5"}),
        ("3 x", {"3"}),
        ("x 3", {"3"}),
        ("10 m²", {"10"}),
        ("-1", {"-1"}),
        ("1-", {"-1"}),
        ("1.000 Stk", {"1", "1000"}),
        ("1,000", {"1", "1000"}),
        ("１２個", {"12"}),
        ("2 x 3", set()),
        ("12/2", set()),
        ("Stk", set()),
        ("ca. 3", set()),
    ],
)
def test_quantities(printed: str, values: set[str]) -> None:
    assert set(quantity(printed).values()) == {D(value) for value in values}


@pytest.mark.parametrize("locale", LOCALES)
@given(value=st.decimals(min_value=-(10**11), max_value=10**11, places=2))
def test_a_number_formatted_by_cldr_reads_back(locale: str, value: Decimal) -> None:
    mark = get_decimal_symbol(locale)
    for pattern in ("#,##0.00", "#,##0.00;(#,##0.00)", "0.00", "#,##0.00;#,##0.00-"):
        assert money(format_decimal(value, pattern, locale))[mark] == value
    assert quantity(format_decimal(value, "#,##0.00", locale))[mark] == value
    assert percent(format_decimal(value, "#,##0.00", locale) + " %")[mark] == value


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(
    "currency", ["EUR", "USD", "GBP", "CHF", "INR", "PLN", "SEK", "BRL", "JPY", "CNY", "KRW", "CZK"]
)
@given(value=st.integers(min_value=-(10**9), max_value=10**9))
def test_an_amount_formatted_by_cldr_reads_back(locale: str, currency: str, value: int) -> None:
    amount = D(value).scaleb(-2) if currency not in ("JPY", "KRW") else D(value)
    printed = format_currency(amount, currency, locale=locale)
    assert money(printed)[get_decimal_symbol(locale)] == amount
    assert currency in currency_codes(printed)


@given(st.text(max_size=80))
def test_no_text_breaks_a_reader(text: str) -> None:
    for read in (money, percent, quantity):
        assert all(value.is_finite() for value in read(text).values())
    currency_codes(text)
    currency_readings(text)


@pytest.mark.parametrize("hostile", ["9" * 10_000_000, "1,234" * 10**6, "(" * 10**7, " " * 10**7])
def test_a_huge_print_is_no_number(hostile: str) -> None:
    assert money(hostile) == percent(hostile) == quantity(hostile) == {}


def test_numbers_vote_for_the_decimal_mark() -> None:
    assert amounts.decimal_marks(map(money, ["1.234", "19,00"])) == {","}
    assert amounts.decimal_marks(map(money, ["1.234", "7", "x"])) == set()
    assert amounts.decimal_marks(map(money, ["1.5", "2,5"])) == {".", ","}


@pytest.mark.parametrize(
    ("language", "currencies", "mark"),
    [
        ("de", ["EUR"], ","),
        ("de", ["CHF"], "."),
        ("de-CH", [], "."),
        ("de", ["USD"], None),
        ("en", ["USD"], "."),
        ("en", ["EUR"], None),
        ("en-GB", ["EUR"], "."),
        ("es", [], None),
        ("es", ["MXN"], "."),
        ("es", ["EUR"], ","),
        (None, ["EUR"], None),
        (None, ["JPY", "CNY"], "."),
        (None, ["PLN"], ","),
        (None, ["INR"], "."),
        (None, [], None),
        ("nonsense", [], None),
    ],
)
def test_what_a_language_and_a_currency_say_of_the_mark(
    language: str | None, currencies: list[str], mark: str | None
) -> None:
    assert usual_mark(language, currencies) == mark


def test_a_currency_sign_of_several_countries_has_several_readings() -> None:
    assert currency_readings("€") == ("EUR",)
    assert currency_readings("eur ") == ("EUR",)
    assert {"USD", "CAD"} <= set(currency_readings("$"))
    assert currency_readings("￥") == ("JPY", "CNY")
    assert currency_readings("??") == ()

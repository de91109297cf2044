"""VAT ids, IBAN, BIC, GTIN and GLN as invoices print them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import ean
from stdnum import iban as stdnum_iban

from erniekit_finetuning.invoice.identifiers import Check, Verdict, bic, gln, gtin, iban, vat_id

# country, a valid number, the same with a check digit that does not fit
VAT_IDS = [
    ("AT", "ATU13585627", "ATU13585626"),
    ("BE", "BE 0428.759.497", "BE 0428.759.498"),
    ("BG", "BG175074752", "BG175074751"),
    ("CY", "CY10259033P", "CY10259033Z"),
    ("CZ", "CZ25123891", "CZ25123890"),
    ("DE", "DE 136 695 976", "DE 136 695 978"),
    ("DK", "DK 13 58 56 28", "DK 13 58 56 27"),
    ("EE", "EE100594102", "EE100594103"),
    ("ES", "ESB58378431", "ESB58378432"),
    ("FI", "FI20774740", "FI20774741"),
    ("FR", "FR 40 303 265 045", "FR 41 303 265 045"),
    ("GR", "EL094259216", "EL094259217"),
    ("HR", "HR33392005961", "HR33392005962"),
    ("HU", "HU12892312", "HU12892313"),
    ("IE", "IE6433435F", "IE6433435E"),
    ("IT", "IT00743110157", "IT00743110158"),
    ("LT", "LT100001919017", "LT100001919018"),
    ("LU", "LU15027442", "LU15027443"),
    ("LV", "LV40003521600", "LV40003521601"),
    ("MT", "MT11679112", "MT11679113"),
    ("NL", "NL8200.98.395.B.01", "NL8200.98.396.B.01"),
    ("PL", "PL8567346215", "PL8567346216"),
    ("PT", "PT501964843", "PT501964842"),
    ("RO", "RO18547290", "RO18547291"),
    ("SE", "SE123456789701", "SE123456789101"),
    ("SI", "SI50223054", "SI50223055"),
    ("SK", "SK2022749619", "SK2022749618"),
    ("GB", "GB 980 7806 84", "GB 980 7806 85"),
    ("GB", "XI980780684", "XI980780685"),
    ("CH", "CHE-107.787.577 MWST", "CHE-107.787.578 MWST"),
    ("NO", "NO 995 525 828 MVA", "NO 995 525 829 MVA"),
    ("IN", "IN27AAPFU0939F1ZV", "IN27AAPFU0939F1ZO"),
    ("AU", "AU83914571673", "AU83914571674"),
]


@pytest.mark.parametrize(("country", "valid", "invalid"), VAT_IDS)
def test_vat_ids_are_checked_by_their_country(country: str, valid: str, invalid: str) -> None:
    for given_country in (None, country, "US"):
        assert vat_id(valid, given_country) == Check(Verdict.VALID)
        assert vat_id(invalid, given_country).verdict is Verdict.INVALID
    assert vat_id(valid.lower()) == Check(Verdict.VALID)
    if country not in ("CH", "GB"):  # XI stands before a British number
        assert vat_id(valid[2:], country) == Check(Verdict.VALID)
    if country != "RO":  # Romanian numbers have 2 to 10 digits
        assert vat_id(valid[:-1]).verdict is Verdict.INVALID


@pytest.mark.parametrize(
    ("printed", "country"),
    [
        ("USt-IdNr.: DE 136 695 976", None),
        ("USt.-ID DE136695976", None),
        ("USt-IdNr. 136695976", "DE"),
        ("Umsatzsteuer-ID: DE136695976", None),
        ("VAT No. GB 123 4567 82", None),
        ("VAT No 980 7806 84", "GB"),
        ("VAT Reg. No. GB980780684", None),
        ("VAT registration number: GB980780684", None),
        ("VAT ID: DE\N{NO-BREAK SPACE}136\N{NO-BREAK SPACE}695\N{NO-BREAK SPACE}976", None),
        ("Tax ID: DE136695976", None),
        ("TVA FR 40 303 265 045", None),
        ("N° TVA : FR 40 303 265 045", None),
        ("Numéro de TVA FR40303265045", None),
        ("TVA intracommunautaire : FR40303265045", None),
        ("P.IVA 00743110157", "IT"),
        ("P. IVA IT00743110157", None),
        ("Partita IVA: 00743110157", "IT"),
        ("CIF B58378431", "ES"),
        ("N.I.F. ES-B58378431", None),
        ("CHE-107.787.577 MWST", None),
        ("MWST-Nr. CHE-107.787.577", None),
        ("MwSt.-Nr. CHE-107.787.577 TVA", None),
        ("NO 995 525 828 MVA", None),
        ("VAT NO 995 525 828 MVA", None),
        ("Org.nr. 995 525 828 MVA", "NO"),
        ("995 525 828", "no"),
        ("BTW-nr: NL8200.98.395.B.01", None),
        ("UID: ATU13585627", None),
        ("ΑΦΜ: EL094259216", None),
        ("CVR-nr. 13585628", "DK"),
        ("NIP: 856-734-62-15", "PL"),
        ("DIČ: CZ25123891", None),
        ("GSTIN: 27AAPFU0939F1ZV", "IN"),
        ("ABN 83 914 571 673", "AU"),
        ("A.B.N.: 83 914 571 673", "AU"),
        ("GD001", "GB"),  # a government department, not Grenada
        ("EU372022452", None),  # one stop shop
    ],
)
def test_labels_around_a_vat_id_are_no_part_of_it(printed: str, country: str | None) -> None:
    assert vat_id(printed, country) == Check(Verdict.VALID)


@pytest.mark.parametrize(
    ("printed", "country"),
    [
        ("136695976", None),
        ("CIF B58378431", None),
        ("ZZ123456782", None),
        ("ZZ123456782", "GB"),
        ("US123456789", None),
        ("136695976", "XX"),
        ("136695976", "nowhere"),
        ("136695976", "ßß"),
    ],
)
def test_without_a_rule_a_vat_id_is_unknown(printed: str, country: str | None) -> None:
    assert vat_id(printed, country).verdict is Verdict.UNKNOWN
    assert vat_id(printed, country).reason


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        (vat_id("DE 136 695 978"), "check digits do not fit"),
        (vat_id("DE13669597"), "wrong length: 8 found"),
        (vat_id("DE13669597X"), "wrong format"),
        (vat_id("VAT No. 980 7806 85", "GB"), "check digits do not fit"),
        (iban("DE8937040044053201300"), "wrong length: 21 found, 22 expected"),
        (iban("DE89370400440532013001"), "check digits do not fit"),
        (iban("8937040044053201300"), "it does not begin with a country"),
        (bic("COBADEF"), "wrong length: 7 found, 8 or 11 expected"),
        (bic("COBAXXFF"), "a part of it does not exist"),
        (bic("C0BADEFF"), "wrong format"),
        (gtin("4006381333932"), "check digits do not fit"),
        (gtin("400638133393"), "check digits do not fit"),
        (gtin("123"), "wrong length: 3 found, 8, 12, 13 or 14 expected"),
        (gtin("40063813339AB"), "wrong format"),
        (gln("73513537"), "wrong length: 8 found, 13 expected"),
        (gln("4006381333932"), "check digits do not fit"),
    ],
)
def test_an_invalid_identifier_says_why(check: Check, reason: str) -> None:
    assert check == Check(Verdict.INVALID, reason)


IBANS = [
    "DE89370400440532013000",
    "GB29NWBK60161331926819",
    "FR1420041010050500013M02606",
    "NL91ABNA0417164300",
    "AT611904300234573201",
    "BE68539007547034",
    "CH9300762011623852957",
    "GR1601101050000010547023795",
    "PL61109010140000071219812874",
    "NO9386011117947",
]


def test_valid_bank_and_article_numbers() -> None:
    for number in IBANS:
        assert iban(number) == Check(Verdict.VALID)
        assert iban("IBAN: " + stdnum_iban.format(number).lower()) == Check(Verdict.VALID)
    for number in ("COBADEFF", "BIC: COBADEFFXXX", "SWIFT/BIC DEUTDEFF", "COBA DE FF XXX"):
        assert bic(number) == Check(Verdict.VALID)
    for number in ("4006381333931", "EAN 4006381333931", "GTIN-13: 4006381333931", "73513537"):
        assert gtin(number) == Check(Verdict.VALID)
    assert gtin("UPC 036000291452") == Check(Verdict.VALID)
    assert gln("GLN: 4006381333931") == Check(Verdict.VALID)
    assert iban("XX89370400440532013000").verdict is Verdict.UNKNOWN


@given(st.sampled_from(IBANS), st.data())
def test_one_changed_digit_of_an_iban_is_caught(number: str, data: st.DataObject) -> None:
    at = data.draw(st.sampled_from([i for i, sign in enumerate(number) if sign.isdigit()]))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != number[at]]))
    assert iban(number[:at] + other + number[at + 1 :]).verdict is Verdict.INVALID


@given(st.text("0123456789", min_size=12, max_size=12), st.integers(1, 9))
def test_article_numbers_with_a_right_check_digit_alone_are_valid(body: str, shift: int) -> None:
    digit = ean.calc_check_digit(body)
    assert gtin(body + digit) == gln(body + digit) == Check(Verdict.VALID)
    wrong = str((int(digit) + shift) % 10)
    assert gtin(body + wrong).verdict is gln(body + wrong).verdict is Verdict.INVALID


@given(
    st.text(max_size=100) | st.text("0123456789ABCDEILNOSTUVX .-&+*Ñ²٣", max_size=40),
    st.none() | st.text(max_size=3) | st.sampled_from([country for country, _, _ in VAT_IDS]),
)
def test_no_text_raises(text: str, country: str | None) -> None:
    for check in (vat_id(text, country), iban(text), bic(text), gtin(text), gln(text)):
        assert (check.verdict is Verdict.VALID) == (check.reason == "")


@pytest.mark.parametrize("text", ["", " ", "\x00", "DE²", "9" * 10_000_000, "DE" * 5_000_000])
def test_no_number_is_refused(text: str) -> None:
    for check in (vat_id(text), iban(text), bic(text), gtin(text), gln(text)):
        assert check.verdict is Verdict.INVALID or text == "DE²"


def test_a_japanese_issuers_number_is_t_and_a_corporate_number() -> None:
    for printed in ("T5835678256246", "T5 8356 7825 6246", "5835678256246"):
        assert vat_id(printed, "JP") == Check(Verdict.VALID)
    assert vat_id("T5835678256247", "JP").verdict is Verdict.INVALID

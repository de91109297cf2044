"""Check digits of VAT ids, IBAN, BIC, GTIN and GLN, as printed (rules of python-stdnum)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from enum import StrEnum
from functools import cache, lru_cache, partial
from itertools import pairwise
from typing import Any, NamedTuple

from stdnum import bic as stdnum_bic
from stdnum import ean, numdb
from stdnum import iban as stdnum_iban
from stdnum.ch import uid
from stdnum.eu import oss
from stdnum.exceptions import InvalidChecksum, InvalidComponent, InvalidFormat, InvalidLength
from stdnum.no import orgnr
from stdnum.util import get_cc_module

_MAX_LENGTH = 80
_SEPARATORS = re.compile(r"[\s.\-–/:()#·]+")
_INITIALS = re.compile(r"(?<=\b[A-Z])\. ?(?=[A-Z]\b|IVA\b)")  # P. IVA, N.I.F.
_SIZED = re.compile(r"\b(GTIN|EAN)-?(?:8|12|13|14)\b")  # GTIN-13
_NUMBER = re.compile(r"[A-Z0-9&+*Ñ]{2,40}")
_COUNTRY = {"EL": "GR", "XI": "GB", "UK": "GB"}  # Northern Ireland has British numbers
# Where the words around a bare number that say it is for VAT are often left out.
_BARE = {"CH": (uid, re.compile(r"CHE\d{9}")), "NO": (orgnr, re.compile(r"\d{9}"))}
# fmt: off
_LABELS = frozenset((
    "ABN", "ADÓSZÁM", "AFM", "ALV", "BIC", "BTW", "CIF", "CODE", "CONTRIBUINTE", "CVR", "DIC",
    "DIČ", "DPH", "EAN", "GLN", "GST", "GSTIN", "GTIN", "IBAN", "IDNR", "ILN", "INTRACOMMUNAUTAIRE",
    "IVA", "IČ", "MEHRWERTSTEUER", "MOMS", "MOMSNR", "MOMSREG", "MWST", "MWSTNR", "NIF", "NIP",
    "NIPC", "NR", "NRO", "NUMBER", "NUMERO", "NUMMER", "NUMÉRO", "OIB", "ORG", "ORGNR", "PARTITA",
    "PIVA", "PVM", "PVN", "REG", "REGISTRATION", "STNR", "SWIFT", "TAX", "TVA", "UID", "UIDNR",
    "UMSATZSTEUER", "UPC", "UST", "USTID", "USTIDNR", "VAT", "VERGI", "VERGİ", "VKN", "ΑΦΜ",
))
# fmt: on
_AFTER_LABEL = {"NO", "ID"}  # VAT No. 123, Tax ID; first in the print they are countries
_IBAN_RULE = partial(stdnum_iban.validate, check_country=False)


class Verdict(StrEnum):
    """What a rule says; UNKNOWN where there is no rule to ask."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"


class Check(NamedTuple):
    """A verdict, with its reason in plain English unless it is VALID."""

    verdict: Verdict
    reason: str = ""


_VALID = Check(Verdict.VALID)
_CHARACTERS = Check(Verdict.INVALID, "it is empty, too long or has characters of no identifier")


@lru_cache(maxsize=4096)  # a vendor sends more than one invoice
def vat_id(printed: str, country: str | None = None) -> Check:
    """Check a VAT id by the country of its prefix, else by `country` (ISO 3166, two letters).

    A Swiss or Norwegian number may lack its MWST or MVA.

    >>> vat_id("USt-IdNr.: DE 136 695 976").verdict, vat_id("CIF B58378431", "ES").verdict
    (<Verdict.VALID: 'valid'>, <Verdict.VALID: 'valid'>)
    >>> vat_id("FR 41 303 265 045").reason, vat_id("136695976").reason
    ('check digits do not fit', 'no country is known')
    """
    number = _compact(printed)
    if not number:
        return _CHARACTERS
    prefix = number[:2]
    home = _COUNTRY.get(country.upper(), country.upper()) if country else None
    if not prefix.isalpha():
        return _of_country(number, home) if home else _unknown("no country is known")
    # A Mexican RFC may begin with DE: the country's own rule comes before the prefix.
    if home and _of_country(number, home).verdict is Verdict.VALID:
        return _VALID
    if prefix == "EU":
        return _checked(oss.validate, number)
    abroad = _COUNTRY.get(prefix, prefix)
    return _of_country(number if abroad == "CH" else number[2:], abroad)


def iban(printed: str) -> Check:
    """Check an IBAN: length and structure of its country, check digits.

    The rules within the countries are left out: some know only the banks of their day.

    >>> iban("IBAN: DE89 3704 0044 0532 0130 00").verdict, iban("DE8937040044053201300").reason
    (<Verdict.VALID: 'valid'>, 'wrong length: 21 found, 22 expected')
    """
    number = _compact(printed)
    if not number or not number.isalnum() or not number.isascii():
        return _CHARACTERS
    if not number[:2].isalpha():
        return Check(Verdict.INVALID, "it does not begin with a country")
    expected = _iban_length(number[:2])
    if expected is None:
        return _unknown(f"no IBAN rule for {number[:2]}")
    if len(number) != expected:
        return Check(Verdict.INVALID, f"wrong length: {len(number)} found, {expected} expected")
    return _checked(_IBAN_RULE, number)


def bic(printed: str) -> Check:
    """Check length, characters and country of a BIC; it has no check digits."""
    number = _compact(printed)
    return _checked(stdnum_bic.validate, number, "8 or 11") if number else _CHARACTERS


def gtin(printed: str) -> Check:
    """Check a GTIN (EAN, UPC) of 8, 12, 13 or 14 digits.

    >>> gtin("EAN 4006381333931").verdict, gtin("4006381333932").reason
    (<Verdict.VALID: 'valid'>, 'check digits do not fit')
    """
    number = _compact(printed)
    return _checked(ean.validate, number, "8, 12, 13 or 14") if number else _CHARACTERS


def gln(printed: str) -> Check:
    """Check a GLN, which has 13 digits."""
    number = _compact(printed)
    if number and number.isdigit() and len(number) != 13:
        return Check(Verdict.INVALID, f"wrong length: {len(number)} found, 13 expected")
    return _checked(ean.validate, number) if number else _CHARACTERS


def _compact(printed: str) -> str:
    """The number without label and separators; "" where it can be none."""
    if len(printed) > _MAX_LENGTH:
        return ""
    text = printed if printed.isascii() else unicodedata.normalize("NFKC", printed)
    text = text.upper().replace("°", "O")  # N° TVA
    text = _SIZED.sub(r"\1", _INITIALS.sub("", text))
    words = [word for word in _SEPARATORS.split(text) if word]
    number = "".join(words[_label_length(words) :])
    return number if _NUMBER.fullmatch(number) else ""


def _label_length(words: list[str]) -> int:
    """How many words in front are a label; the NO of "NO 995 525 828 MVA" is Norway."""
    length = 0
    for at, (word, following) in enumerate(pairwise([*words, ""])):
        if word in _LABELS:
            length = at + 1
        elif word in ("NO", "DE") and following in _LABELS:  # No TVA, numéro de TVA
            continue
        elif word in _AFTER_LABEL and length and words[-1] != "MVA":
            length = at + 1
        else:
            break
    return length


def _of_country(number: str, country: str) -> Check:
    bare, form = _BARE.get(country, (None, None))
    if bare and form and form.fullmatch(number):
        return _checked(bare.validate, number)
    rule = _rule(country)
    if rule is None:
        return _unknown(f"no rule for {country}")
    if country == "JP":  # an invoice issuer's registration number is T and the corporate number
        number = number.removeprefix("T")
    return _checked(rule.validate, number)


def _checked(validate: Callable[[str], str], number: str, expected: str = "") -> Check:
    try:
        validate(number)
    except InvalidLength:
        tail = f", {expected} expected" if expected else ""
        return Check(Verdict.INVALID, f"wrong length: {len(number)} found{tail}")
    except InvalidChecksum:
        return Check(Verdict.INVALID, "check digits do not fit")
    except InvalidFormat:
        return Check(Verdict.INVALID, "wrong format")
    except InvalidComponent:
        return Check(Verdict.INVALID, "a part of it does not exist")
    return _VALID


def _unknown(reason: str) -> Check:
    return Check(Verdict.UNKNOWN, reason)


@cache
def _iban_length(country: str) -> int | None:
    """The length that the IBAN registry gives, from a structure such as 8!n10!n."""
    structure = numdb.get("iban").info(country + "00")[0][1].get("bban")
    return 4 + sum(int(size) for size in re.findall(r"(\d+)!", structure)) if structure else None


@lru_cache(maxsize=1024)
def _rule(country: str) -> Any:
    """The country's module of stdnum, None without one."""
    two_letters = len(country) == 2 and country.isascii() and country.isalpha()
    return get_cc_module(country, "vat") if two_letters and country != "EU" else None

"""Identifiers with right check digits: VAT numbers, IBANs, invoice numbers."""

from __future__ import annotations

import string
from collections.abc import Callable
from datetime import date
from random import Random

from stdnum import luhn
from stdnum.at import uid
from stdnum.br import cnpj
from stdnum.ch import uid as ch_uid
from stdnum.cn import uscc
from stdnum.es import ccc
from stdnum.iso7064 import mod_11_10, mod_97_10
from stdnum.jp import cn as corporate_number
from stdnum.pl import nip

from synthetic_invoice_generator.chance import chance, digits, pick
from synthetic_invoice_generator.locale import Locale
from synthetic_invoice_generator.scenario.words import letters

# How a VAT number is grouped when it is printed with spaces: lengths after the country prefix.
_GROUPS = {
    "DE": (3, 3, 3), "FR": (2, 3, 3, 3), "GB": (3, 4, 2), "AT": (9,), "NL": (9, 3),
    "BE": (4, 3, 3), "ES": (9,), "IT": (11,), "PL": (3, 3, 2, 2),
}  # fmt: skip

_GSTIN_LETTERS = string.digits + string.ascii_uppercase

# What follows the check digits of an IBAN: digits (n) and capitals (a), with lengths.
IBAN_COUNTRIES: dict[str, tuple[tuple[str, int], ...]] = {
    "CH": (("n", 17),), "DE": (("n", 18),), "ES": (("n", 20),), "FR": (("n", 23),),
    "GB": (("a", 4), ("n", 14)), "IT": (("a", 1), ("n", 22)), "NL": (("a", 4), ("n", 10)),
    "PL": (("n", 24),),
}  # fmt: skip
_IBAN_PARTS = {"n": digits, "a": letters}

# The first two digits of an EIN name the campus that gave it out; these are in use.
_EIN_PREFIXES = (*range(20, 28), *range(30, 49), *range(50, 69), *range(71, 78), *range(80, 89))


def vat_number(rng: Random, country: str) -> str:
    """A VAT number with its country prefix and valid check digits; for US an EIN.

    Raises ValueError for a country without a rule here.
    """
    if country == "US":
        return f"{pick(rng, _EIN_PREFIXES)}-{digits(rng, 7)}"
    if country == "DE":
        body = digits(rng, 8)
        return f"DE{body}{mod_11_10.calc_check_digit(body)}"
    if country == "FR":
        siren = digits(rng, 8)
        siren += luhn.calc_check_digit(siren)
        return f"FR{(int(siren) * 100 + 12) % 97:02d}{siren}"
    if country == "GB":
        body = digits(rng, 7)
        left = sum(weight * int(digit) for weight, digit in zip(range(8, 1, -1), body, strict=True))
        return f"GB{body}{97 - left % 97:02d}"
    if country == "AT":
        body = digits(rng, 7)
        return f"ATU{body}{uid.calc_check_digit('U' + body)}"
    if country == "NL":
        return _dutch(rng)
    if country == "BE":
        body = digits(rng, 7).zfill(8)
        return f"BE{body}{97 - int(body) % 97:02d}"
    if country == "ES":
        body = f"{rng.randint(1, 52):02d}{digits(rng, 5)}"
        return f"ESB{body}{luhn.calc_check_digit(body)}"
    if country in _OTHERS:
        return _OTHERS[country](rng)
    raise ValueError(f"no VAT number rule for {country}")


def _italian(rng: Random) -> str:
    body = f"{digits(rng, 7)}{rng.randint(1, 100):03d}"
    return f"IT{body}{luhn.calc_check_digit(body)}"


def _polish(rng: Random) -> str:
    while True:  # the check digit of one number in eleven would be 10
        body = digits(rng, 9)
        digit = nip.checksum(body + "0") % 11
        if digit != 10:
            return f"PL{body}{digit}"


def _swiss(rng: Random) -> str:
    while True:
        body = digits(rng, 8)
        digit = ch_uid.calc_check_digit(body)
        if len(digit) == 1:
            break
    return f"CHE-{body[:3]}.{body[3:6]}.{body[6:]}{digit} MWST"


def _indian(rng: Random) -> str:
    """A GSTIN: state, PAN of a firm, its number there, Z, check digit."""
    pan = f"{letters(rng, 3)}C{letters(rng, 1)}{digits(rng, 4)}{letters(rng, 1)}"
    body = f"{rng.randint(1, 36):02d}{pan}{rng.randint(1, 3)}Z"
    return f"{body}{luhn.calc_check_digit(body, _GSTIN_LETTERS)}"


def _brazilian(rng: Random) -> str:
    number = f"{digits(rng, 8)}{rng.randint(1, 30):04d}"
    return str(cnpj.format(number + cnpj.calc_check_digits(number)))


def _japanese(rng: Random) -> str:
    """The registration number of an invoice issuer: T and a corporate number."""
    body = digits(rng, 12)
    return f"T{corporate_number.calc_check_digit(body)}{body}"


def _chinese(rng: Random) -> str:
    """A unified social credit code of a firm."""
    body = f"91{digits(rng, 6)}MA{digits(rng, 5)}" + "".join(
        pick(rng, "ABCDEFGHJKLMNPQRTUWXY") for _ in range(2)
    )
    return f"{body}{uscc.calc_check_digit(body)}"


_OTHERS: dict[str, Callable[[Random], str]] = {
    "IT": _italian,
    "PL": _polish,
    "CH": _swiss,
    "IN": _indian,
    "BR": _brazilian,
    "JP": _japanese,
    "CN": _chinese,
}


def _dutch(rng: Random) -> str:
    """A Dutch number of the form valid since 2020: letters read as numbers, modulo 97."""
    body = f"{digits(rng, 9)}B"
    return f"NL{body}{mod_97_10.calc_check_digits('NL' + body)}"


def spaced(number: str) -> str:
    """A VAT number in the groups its country prints, such as "DE 123 456 789"."""
    groups = _GROUPS.get(number[:2])
    if groups is None:
        return number
    parts, rest = [number[:2]], number[2:]
    for length in groups:
        parts.append(rest[:length])
        rest = rest[length:]
    return " ".join(part for part in parts if part)


def iban(rng: Random, country: str) -> str:
    """An IBAN in groups of four with valid check digits; raises KeyError without a rule here."""
    body = "".join(_IBAN_PARTS[kind](rng, length) for kind, length in IBAN_COUNTRIES[country])
    if country == "ES":  # two check digits of its own, after the bank and its branch
        body = body[:8] + ccc.calc_check_digits(body) + body[10:]
    whole = country + mod_97_10.calc_check_digits(body + country) + body
    return " ".join(whole[start : start + 4] for start in range(0, len(whole), 4))


def bic(rng: Random, country: str) -> str:
    """A BIC of a made-up bank."""
    return f"{letters(rng, 4)}{country}{digits(rng, 2)}" + pick(rng, ("", "", "XXX"))


def invoice_number(rng: Random, locale: Locale, issued: date) -> str:
    """An invoice number in one of the many shapes businesses use."""
    prefix = pick(rng, locale.number_prefixes)
    run = digits(rng, rng.randint(2, 6))
    year, short = issued.strftime("%Y"), issued.strftime("%y")
    shapes = (
        f"{prefix}-{year}-{run.zfill(4)}",
        f"{prefix}{run.zfill(5)}",
        f"{prefix}-{run.zfill(5)}",
        f"{prefix}{short}{issued:%m}{run}",
        f"{year}/{run.zfill(4)}",
        f"{year}-{run.zfill(3)}",
        f"{run.zfill(4)}/{short}",
        f"{year}{issued:%m%d}-{run}",
        digits(rng, rng.randint(3, 9)),
        f"{letters(rng, 2)}{run}",
        f"{letters(rng, 3)}-{run}-{letters(rng, 1)}",
        f"{letters(rng, 1)}{digits(rng, 3)}.{run}",
        f"{prefix}/{short}/{run.zfill(4)}",
        f"{prefix}_{run}{letters(rng, 1)}",
        f"{prefix} {run.zfill(5)}",
        f"#{run.zfill(4)}",
        f"{rng.getrandbits(32):08X}",
    )
    number = pick(rng, shapes)
    return number.lower() if chance(rng, 0.02) else number

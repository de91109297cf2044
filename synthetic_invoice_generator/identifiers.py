"""Identifiers with right check digits: VAT numbers, IBANs, invoice numbers."""

from __future__ import annotations

from datetime import date
from random import Random

from stdnum import luhn
from stdnum.at import uid
from stdnum.iso7064 import mod_11_10, mod_97_10

from synthetic_invoice_generator.chance import chance, digits, pick
from synthetic_invoice_generator.locale import Locale
from synthetic_invoice_generator.words import letters

# How a VAT number is grouped when it is printed with spaces: lengths after the country prefix.
_GROUPS = {
    "DE": (3, 3, 3), "FR": (2, 3, 3, 3), "GB": (3, 4, 2), "AT": (9,), "NL": (9, 3),
    "BE": (4, 3, 3), "ES": (9,),
}  # fmt: skip

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
    raise ValueError(f"no VAT number rule for {country}")


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
    """An IBAN in groups of four with valid check digits (noise on the page, never a field)."""
    body = digits(rng, 18)
    whole = country + mod_97_10.calc_check_digits(body + country) + body
    return " ".join(whole[start : start + 4] for start in range(0, len(whole), 4))


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

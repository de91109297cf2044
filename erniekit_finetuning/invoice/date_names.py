"""Names of months and weekdays in the languages that invoices are read in (CLDR)."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from babel.dates import get_day_names, get_month_names

# Croatian is here because its names are those of other months in Polish and Czech (listopad is
# October, not November): without it such a name would be read in one way only.
# fmt: off
LOCALES = (
    "en_US", "en_GB", "en_IN", "de_DE", "de_CH", "de_AT", "fr_FR", "es_ES", "es_MX", "it_IT",
    "nl_NL", "pl_PL", "pt_PT", "pt_BR", "sv_SE", "da_DK", "nb_NO", "fi_FI", "cs_CZ", "hu_HU",
    "tr_TR", "hi_IN", "zh_CN", "ja_JP", "ko_KR", "hr_HR",
)
# Words inside a date that carry no meaning: 3 de abril de 2025, torsdag den 3. april, 2025 r.
FILLERS = frozenset((
    "am", "d", "de", "del", "den", "dia", "dne", "dnia", "el", "il", "le", "of", "on", "r",
    "roku", "the",
))
# fmt: on
_OTHER_MONTHS = {"mrz": ("de", 3), "maerz": ("de", 3)}
_OTHER_WEEKDAYS = {"tues", "weds", "thur", "thurs"}
_ACCENTS = re.compile("[\u0300-\u036f]")  # not the vowel signs of Hindi
_LETTERS = str.maketrans({"ı": "i", "ł": "l", "ø": "o"})  # Unicode does not decompose these


def folded(text: str) -> str:
    """Lower case without accents, so that prints with and without them compare equal.

    >>> folded("Février"), folded("KASIM") == folded("kasım")
    ('fevrier', True)
    """
    lower = text.casefold()
    if lower.isascii():
        return lower
    return _ACCENTS.sub("", unicodedata.normalize("NFKD", lower)).translate(_LETTERS)


@cache
def months() -> dict[str, dict[str, int]]:
    """Folded month names, long and short, to the month that each language means by them.

    >>> months()["listopad"]
    {'pl': 11, 'cs': 11, 'hr': 10}
    """
    names: dict[str, dict[str, int]] = {}
    for locale in LOCALES:
        for width in ("wide", "abbreviated"):
            for context in ("format", "stand-alone"):
                for number, name in get_month_names(width, context, locale).items():
                    names.setdefault(_key(name), {})[locale[:2]] = number
    for name, (language, number) in _OTHER_MONTHS.items():
        names[name] = {language: number}
    return names


@cache
def weekdays() -> frozenset[str]:
    """Folded weekday names, long and short."""
    return frozenset(_OTHER_WEEKDAYS).union(
        _key(name)
        for locale in LOCALES
        for width in ("wide", "abbreviated")
        for context in ("format", "stand-alone")
        for name in get_day_names(width, context, locale).values()
    )


def _key(name: str) -> str:
    return folded(name).rstrip(".॰")

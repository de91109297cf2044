"""Which decimal mark the countries behind a language and a currency write (CLDR)."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from babel import Locale, UnknownLocaleError
from babel.languages import get_official_languages
from babel.localedata import locale_identifiers
from babel.numbers import get_decimal_symbol, get_territory_currencies


def usual_mark(language: str | None, currencies: Collection[str]) -> str | None:
    """The decimal mark of everybody who writes this language and pays in one of these currencies.

    None when they do not agree, or when neither is known: EUR alone says nothing (Irish and
    Germans differ), nor does English in EUR (Irish, and Germans who write English).

    >>> usual_mark("de", ["EUR"]), usual_mark("de-CH", []), usual_mark(None, ["EUR"])
    (',', '.', None)
    """
    territories: frozenset[str] = frozenset().union(*map(_territories, currencies))
    spoken = _spoken(language) if language else frozenset()
    there = {name for name in spoken if name.partition("_")[2] in territories}
    if not spoken:
        there = {name for territory in territories for name in _official(territory)}
    marks = {_mark(name) for name in there or spoken}
    return marks.pop() if len(marks) == 1 else None


@cache
def _spoken(tag: str) -> frozenset[str]:
    """Locales in which a language is written; the one of its territory when the tag names that."""
    try:
        locale = Locale.parse(tag, sep="-")
    except (ValueError, UnknownLocaleError):
        return frozenset()
    prefix = f"{locale.language}_{locale.territory or ''}"
    return frozenset(
        name for name in locale_identifiers() if name.startswith(prefix) and name.count("_") == 1
    )


@cache
def _territories(currency: str) -> frozenset[str]:
    return frozenset(
        territory
        for territory in map(str, Locale("en").territories)
        if len(territory) == 2 and currency in get_territory_currencies(territory)
    )


@cache
def _official(territory: str) -> tuple[str, ...]:
    """The locales of a country in its official languages."""
    languages = get_official_languages(territory, de_facto=True)
    return tuple(
        name
        for name in (f"{language}_{territory}" for language in languages)
        if name in locale_identifiers()
    )


@cache
def _mark(locale: str) -> str:
    return str(get_decimal_symbol(locale))

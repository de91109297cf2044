"""Currency codes and signs, and what stands around a printed number."""

from __future__ import annotations

from functools import cache

from babel.numbers import list_currencies

DOLLARS = ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "TWD", "MXN", "CLP", "COP", "ARS")
CROWNS = ("SEK", "NOK", "DKK", "ISK")
# What invoices print for a currency beside its ISO 4217 code; keys in lower case.
_SIGNS: dict[str, tuple[str, ...]] = {
    "€": ("EUR",),
    "euro": ("EUR",),
    "euros": ("EUR",),
    "$": DOLLARS,
    "us$": ("USD",),
    "$us": ("USD",),
    "usd$": ("USD",),
    "c$": ("CAD",),
    "ca$": ("CAD",),
    "$ca": ("CAD",),
    "a$": ("AUD",),
    "au$": ("AUD",),
    "nz$": ("NZD",),
    "s$": ("SGD",),
    "hk$": ("HKD",),
    "nt$": ("TWD",),
    "mx$": ("MXN",),
    "mex$": ("MXN",),
    "r$": ("BRL",),
    "br$": ("BRL",),
    "£": ("GBP",),
    "£gb": ("GBP",),
    "¥": ("JPY", "CNY"),
    "円": ("JPY",),
    "元": ("CNY", "TWD"),
    "圆": ("CNY",),
    "rmb": ("CNY",),
    "人民币": ("CNY",),
    "cn¥": ("CNY",),
    "jp¥": ("JPY",),
    "₩": ("KRW",),
    "원": ("KRW",),
    "₹": ("INR",),
    "rs": ("INR", "PKR", "LKR", "NPR", "MUR"),
    "rs.": ("INR", "PKR", "LKR", "NPR", "MUR"),
    "रु": ("INR", "NPR"),
    "fr": ("CHF",),
    "fr.": ("CHF",),
    "sfr": ("CHF",),
    "sfr.": ("CHF",),
    "kr": CROWNS,
    "kr.": CROWNS,
    "zł": ("PLN",),
    "zl": ("PLN",),
    "kč": ("CZK",),
    "kc": ("CZK",),
    "ft": ("HUF",),
    "ft.": ("HUF",),
    "lei": ("RON", "MDL"),
    "лв": ("BGN",),
    "лв.": ("BGN",),
    "₺": ("TRY",),
    "tl": ("TRY",),
    "₽": ("RUB",),
    "руб": ("RUB",),
    "руб.": ("RUB",),
    "₴": ("UAH",),
    "грн": ("UAH",),
    "грн.": ("UAH",),
    "₪": ("ILS",),
    "฿": ("THB",),
    "₫": ("VND",),
    "₱": ("PHP",),
    "r": ("ZAR",),
}
# One sign, two currencies: who writes Japanese means yen, who writes Chinese means yuan.
_MEANT_BY = {"ja": ("JPY",), "zh": ("CNY",)}
YEN_LIKE = {"JPY", "CNY", "TWD", "KRW"}


def currency_readings(printed: str) -> tuple[str, ...]:
    """ISO 4217 codes that a printed code or sign may stand for; () when it is none.

    >>> currency_readings("€"), currency_readings("usd"), currency_readings("kr")
    (('EUR',), ('USD',), ('SEK', 'NOK', 'DKK', 'ISK'))
    """
    text = printed.strip()
    code = text.upper()
    if code in _codes():
        return (code,)
    return _SIGNS.get(text.lower().replace("￥", "¥"), ())


def settled(codes: tuple[str, ...], language: str | None) -> tuple[str, ...]:
    """The readings of a sign, or the one that the language of the page (BCP 47) leaves.

    >>> settled(currency_readings("¥"), "ja"), settled(currency_readings("¥"), "en-GB")
    (('JPY',), ('JPY', 'CNY'))
    """
    meant = _MEANT_BY.get((language or "").partition("-")[0], ())
    return meant if codes == _SIGNS["¥"] and meant else codes


@cache
def _codes() -> frozenset[str]:
    return frozenset(list_currencies())

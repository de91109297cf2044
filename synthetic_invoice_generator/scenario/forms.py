"""How one document prints numbers, dates and money: one set of forms a document."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import chain, repeat
from random import Random

import babel
from babel.dates import DateTimePattern, parse_pattern
from babel.numbers import get_currency_precision

from erniekit_finetuning.invoice.model import Printed
from synthetic_invoice_generator.chance import chance, pick, weighted
from synthetic_invoice_generator.locale import Locale


@dataclass(frozen=True)
class Forms:
    """The forms of one document.

    `line_money` and `total_money` hold "{a}" for the amount; `rate` (in the table of lines) and
    `tax_rate` (beside the tax) hold "{r}". `minus` is put before amounts that lower the total, and
    is empty where they are printed without a sign.
    `currency_print` is None when nothing on the page says the currency; `decimals` are those of
    its minor unit.
    """

    locale: str
    decimal: str
    group: str
    group_sizes: tuple[int, ...]
    date_pattern: str
    currency: str
    currency_print: str | None
    decimals: int
    line_money: str
    total_money: str
    rate: str
    tax_rate: str
    rate_decimals: int
    minus: str
    vat_spaced: bool

    def number(self, value: Decimal, decimals: int) -> str:
        """`value` with `decimals` digits after the mark."""
        sign, digits = ("-", -value) if value < 0 else ("", value)
        whole, _, rest = f"{digits:.{decimals}f}".partition(".")
        whole = sign + self.group.join(_groups(whole, self.group_sizes))
        return f"{whole}{self.decimal}{rest}" if rest else whole

    def quantity(self, value: Decimal) -> Printed[Decimal]:
        """A quantity with the digits it has."""
        places = -int(value.as_tuple().exponent)
        return Printed(printed=self.number(value, max(places, 0)), value=value)

    def price(self, value: Decimal) -> Printed[Decimal]:
        """A price or amount in the table of lines."""
        places = max(self.decimals, -int(value.as_tuple().exponent))
        return Printed(printed=self.line_money.format(a=self.number(value, places)), value=value)

    def total(self, value: Decimal) -> Printed[Decimal]:
        """An amount among the totals."""
        text = self.number(value, self.decimals)
        return Printed(printed=self.total_money.format(a=text), value=value)

    def plain(self, value: Decimal) -> Printed[Decimal]:
        """An amount in another currency, which its label names."""
        places = max(-int(value.as_tuple().exponent), 0)
        return Printed(printed=self.number(value, places), value=value)

    def lowering(self, value: Decimal) -> Printed[Decimal]:
        """An amount taken off: the value stays positive (EN 16931), the print may have a minus."""
        return Printed(printed=self.minus + self.total(value).printed, value=value)

    def percent(self, value: Decimal) -> Printed[Decimal]:
        """A rate in percent in the table of lines."""
        return self._rate(self.rate, value)

    def tax_percent(self, value: Decimal) -> Printed[Decimal]:
        """A tax rate in percent beside the tax."""
        return self._rate(self.tax_rate, value)

    def _rate(self, form: str, value: Decimal) -> Printed[Decimal]:
        """Trailing zeros only as far as the document prints them."""
        bare = value.normalize()
        places = max(self.rate_decimals, -int(bare.as_tuple().exponent), 0)
        return Printed(printed=form.format(r=self.number(value, places)), value=value)

    def date(self, day: date) -> Printed[date]:
        """A date in the document's form."""
        return Printed(printed=_pattern(self.date_pattern).apply(day, self.locale), value=day)


def _groups(whole: str, sizes: tuple[int, ...]) -> list[str]:
    """Digits in groups from the right: sizes (3, 2) give 12,34,567."""
    groups: list[str] = []
    for size in chain(sizes, repeat(sizes[-1])):
        groups.insert(0, whole[-size:])
        whole = whole[:-size]
        if not whole:
            return groups
    return groups


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> DateTimePattern:
    return parse_pattern(pattern)


def draw_forms(rng: Random, locale: Locale) -> Forms:
    """Forms that a business of this locale would print."""
    code = weighted(rng, {key: form.weight for key, form in locale.currencies.items()})
    currency = locale.currencies[code]
    symbol = pick(rng, currency.symbols)
    form = pick(rng, currency.forms)
    if symbol.isalpha():
        form = form.replace("}{", "} {")  # "EUR 5", never "EUR5"
    money = form.replace("{s}", symbol)
    # Cents are the rule: of amounts in a currency without them, the page must say the currency.
    unsaid = 5 if get_currency_precision(code) else 0
    where = weighted(rng, {"all": 45, "totals": 30, "label": 20, "none": unsaid})
    numbers = weighted(rng, {form: form.weight for form in locale.numbers})
    rate = pick(rng, ("{r}%", "{r}%", "{r} %"))
    return Forms(
        locale=str(babel.Locale.parse(locale.code, sep="-")),
        decimal=numbers.decimal,
        group=numbers.group,
        group_sizes=numbers.sizes,
        date_pattern=pick(rng, locale.dates),
        currency=code,
        currency_print={"none": None, "label": code}.get(where, symbol),
        decimals=get_currency_precision(code),
        line_money=money if where == "all" else "{a}",
        total_money=money if where in ("all", "totals") else "{a}",
        rate="{r}" if chance(rng, 0.25) else rate,
        tax_rate=rate,
        rate_decimals=weighted(rng, {0: 7, 1: 1, 2: 2}),
        minus=weighted(rng, {"": 7, "-": 3}),
        vat_spaced=chance(rng, 0.25),
    )

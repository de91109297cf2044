"""What is dealt: who sells what to whom and under which tax, before anything is printed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from synthetic_invoice_generator.chance import chance, pick, weighted
from synthetic_invoice_generator.locale import (
    CATEGORY,
    Exemption,
    Locale,
    Trade,
    load_locale,
    locale_codes,
)
from synthetic_invoice_generator.scenario.amounts import ZERO, Terms, rounded
from synthetic_invoice_generator.scenario.currency_units import ROUND_TO, in_currency, minor_unit
from synthetic_invoice_generator.scenario.items import (
    Item,
    advance,
    as_progress,
    draw_items,
    draw_wares,
    negative,
)
from synthetic_invoice_generator.settings import DocumentType, Shares

EUROPEAN_UNION = {"DE", "ES", "FR", "IT", "NL", "PL"}
_FIRST_DAY, _DAYS = date(2019, 1, 1), 2800
_TERMS = (7, 8, 10, 14, 15, 20, 21, 30, 30, 30, 45, 60, 90)


@dataclass(frozen=True)
class Deal:
    """One transaction. `exemption` says why there is no tax; None where there is.

    `buyer_locale` is the country of the buyer, most often the seller's own.
    """

    document: DocumentType
    trade: Trade
    buyer_locale: Locale
    exemption: Exemption | None
    issued: date
    days_to_pay: int
    delivered: date
    period: tuple[date, date] | None
    items: tuple[Item, ...]
    terms: Terms = field(default_factory=Terms)

    @property
    def taxed(self) -> bool:
        """Whether tax is charged."""
        return self.exemption is None

    @property
    def category(self) -> str:
        """The tax category (UNCL 5305)."""
        return "S" if self.exemption is None else CATEGORY[self.exemption]


def draw_deal(
    rng: Random,
    locale: Locale,
    currency: str,
    *,
    document: DocumentType = "invoice",
    trade: Trade = "goods",
    shares: Shares,
    max_lines: int,
) -> Deal:
    """A deal of a seller in `locale`, with 1 to `max_lines` lines, priced in `currency`."""
    if document == "receipt" and trade not in ("retail", "hospitality"):
        trade = "retail"
    buyer = locale
    if document != "receipt" and chance(rng, shares.abroad):
        buyer = _foreign(rng, locale)
    exemption = _exemption(rng, locale, buyer, trade, shares)
    issued = _FIRST_DAY + timedelta(days=rng.randrange(_DAYS))
    rates = _rates(rng, locale, taxed=exemption is None)
    unit = minor_unit(currency)
    wares = draw_wares(rng, locale, trade, currency, shares)
    if document == "prepayment":
        items: tuple[Item, ...] = (advance(rng, wares, rates[0]),)
    else:
        items = draw_items(rng, wares, rates, max_lines)
    if document == "partial":
        items = (as_progress(rng, wares, items[0]), *items[1:])
    if document == "credit_note" and chance(rng, shares.negative):
        items = tuple(negative(item) for item in items)
    start = (issued.replace(day=1) - timedelta(days=1)).replace(day=1)
    periodic = trade in ("utilities", "telecom") or (trade == "services" and chance(rng, 0.2))
    return Deal(
        document=document,
        trade=trade,
        buyer_locale=buyer,
        exemption=exemption,
        issued=issued,
        days_to_pay=pick(rng, _TERMS),
        delivered=issued - timedelta(days=rng.randint(0, 20)),
        period=(start, issued.replace(day=1) - timedelta(days=1)) if periodic else None,
        items=items,
        terms=_terms(rng, locale, currency, document, items, exemption, unit, shares),
    )


def _foreign(rng: Random, locale: Locale) -> Locale:
    """Another country whose script the seller's fonts have."""
    others = [load_locale(code) for code in locale_codes()]
    return pick(
        rng, [one for one in others if one.script == "latin" and one.country != locale.country]
    )


def _exemption(
    rng: Random, locale: Locale, buyer: Locale, trade: Trade, shares: Shares
) -> Exemption | None:
    """Sales abroad are untaxed for the reason that fits; at home a few are."""
    possible = locale.exemptions
    if buyer.country != locale.country:
        inside = {buyer.country, locale.country} <= EUROPEAN_UNION
        if inside:
            return "intra_community" if trade in ("goods", "retail") else "reverse_charge"
        for reason in ("export", "outside_scope"):
            if reason in possible:
                return reason
    if not chance(rng, shares.untaxed):
        return None
    home = [reason for reason in possible if reason not in ("intra_community", "export")]
    if "reverse_charge" in home and trade != "construction":
        home.remove("reverse_charge")
    return pick(rng, home) if home else None


def _rates(rng: Random, locale: Locale, taxed: bool) -> tuple[Decimal, ...]:
    """The tax rates of the document: one, two, or (0,) for a document without tax."""
    if not taxed:
        return (ZERO,)
    if len(locale.tax_rates) > 1 and chance(rng, locale.two_rates_share):
        first = weighted(rng, locale.tax_rates)
        rest = {rate: weight for rate, weight in locale.tax_rates.items() if rate != first}
        return Decimal(first), Decimal(weighted(rng, rest))
    return (Decimal(weighted(rng, locale.tax_rates)),)


def _terms(
    rng: Random,
    locale: Locale,
    currency: str,
    document: DocumentType,
    items: tuple[Item, ...],
    exemption: Exemption | None,
    unit: Decimal,
    shares: Shares,
) -> Terms:
    """Allowance, charge, prepaid share, withholding and rounding of the document."""
    goods = sum((item.net for item in items), ZERO)
    parts = len(locale.tax_parts) or 1
    if document == "receipt":
        included = exemption is None and locale.country != "US" and chance(rng, 0.8)
        return Terms(unit=unit, parts=1 if included else parts, include_tax=included)
    allowance = charge = prepaid = withheld = ZERO
    mixed = len({item.rate for item in items}) > 1
    plain = document in ("invoice", "proforma", "partial") and goods > 1
    if plain and not mixed and chance(rng, shares.allowance):
        allowance = rounded(goods * pick(rng, (2, 3, 5, 10, 15)) / 100, unit)
    if plain and not mixed and chance(rng, shares.charge):
        charge = Decimal(rng.randint(3, 60)) / 2 + pick(rng, (ZERO, Decimal("0.40")))
        charge = rounded(in_currency(charge, currency), unit)
    if document == "invoice" and goods > 1 and chance(rng, shares.prepaid):
        prepaid = Decimal(pick(rng, (10, 20, 25, 30, 50)))
    elif (
        document == "invoice"
        and locale.withholding_rates
        and exemption is None
        and chance(rng, shares.withholding)
    ):
        withheld = Decimal(weighted(rng, locale.withholding_rates))
    round_to = ROUND_TO.get(currency) if plain and chance(rng, shares.rounding) else None
    return Terms(
        unit=unit,
        allowance=allowance,
        charge=charge,
        prepaid_share=prepaid,
        withholding_rate=withheld,
        round_to=None if prepaid or withheld else round_to,
        parts=parts,
    )

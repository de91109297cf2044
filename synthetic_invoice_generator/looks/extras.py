"""What stands on invoices besides the fields: references, notes, bank details, page numbers."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from random import Random

from synthetic_invoice_generator.chance import chance, digits, pick, weighted
from synthetic_invoice_generator.locale import LabelKey
from synthetic_invoice_generator.scenario.parties import address, city, firm_name, person
from synthetic_invoice_generator.scenario.scene import Scene
from synthetic_invoice_generator.scenario.words import fill, invented_word, letters, product_code
from synthetic_invoice_generator.settings import Shares

ROWS = 12  # codes are drawn for this many lines, then start again
_FEW_LINES = 12  # with more, the document has pages enough
_CLAUSES = {25: 4, 70: 3, 115: 2, 157: 1}
_INCOTERMS = ("EXW", "FCA", "CPT", "CIP", "DAP", "DDP", "FOB", "CIF")
_ORIGINS = ("DE", "US", "CN", "IT", "FR", "JP", "PL", "IN", "TR", "VN", "CZ", "MX")


@dataclass(frozen=True)
class Extras:
    """Noise strings. `references` are (label key, value) rows beside the invoice's own data.

    `codes`, `hs_codes` and `origins` fill a column of the table, and are empty when there is none;
    `deliver_to` holds the rows of an address, `conditions` the clauses of small print on pages of
    their own, `site` the seller's address in the web.
    """

    references: tuple[tuple[LabelKey, str], ...] = ()
    intro: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    footer: tuple[str, ...] = ()
    page: str | None = None
    positions: bool = False
    codes: tuple[str, ...] = ()
    hs_codes: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    deliver_to: tuple[str, ...] = ()
    bank: str | None = None
    conditions: tuple[str, ...] = ()
    site: str = "shop.example"


def draw_extras(rng: Random, scene: Scene, shares: Shares, low_pages: bool = False) -> Extras:
    """Noise that fits the document: its seller's name, its language, its trade, its paper."""
    locale, deal = scene.locale, scene.deal
    words = _words(rng, scene)

    def said(template: str) -> str:
        return fill(rng, locale, template, **words)

    notes = [said(one) for one in rng.sample(locale.notes, pick(rng, (0, 0, 1, 1, 2, 3)))]
    if deal.exemption is not None:
        notes.insert(0, pick(rng, locale.exemptions[deal.exemption]))
    if chance(rng, 0.35):
        notes.append(pick(rng, locale.thanks))
    footer = [said(one) for one in rng.sample(locale.footers, rng.randint(0, 5))]
    if locale.bank_lines and chance(rng, 0.4):
        footer.insert(0, said(pick(rng, locale.bank_lines)))
    shipped = deal.trade == "goods" and deal.buyer_locale.country != locale.country
    return Extras(
        references=_references(rng, scene),
        intro=(pick(rng, locale.thanks),) if chance(rng, 0.12) else (),
        notes=tuple(dict.fromkeys(notes)),
        footer=tuple(dict.fromkeys(footer)),
        page=pick(rng, locale.page) if chance(rng, 0.4) else None,
        positions=chance(rng, 0.4),
        codes=tuple(product_code(rng) for _ in range(ROWS)) if chance(rng, 0.2) else (),
        hs_codes=tuple(_hs_code(rng) for _ in range(ROWS)) if shipped and chance(rng, 0.5) else (),
        origins=tuple(pick(rng, _ORIGINS) for _ in range(ROWS))
        if shipped and chance(rng, 0.4)
        else (),
        deliver_to=_deliver_to(rng, scene) if chance(rng, 0.3 if shipped else 0.04) else (),
        bank=words["bank"] if chance(rng, 0.4) else None,
        conditions=_conditions(rng, scene, words, low_pages)
        if chance(rng, shares.conditions) and len(deal.items) <= _FEW_LINES
        else (),
        site=words["site"],
    )


def _references(rng: Random, scene: Scene) -> tuple[tuple[LabelKey, str], ...]:
    locale, deal = scene.locale, scene.deal
    rows: list[tuple[LabelKey, str]] = []
    if chance(rng, 0.35):
        rows.append(
            ("customer_number", pick(rng, (digits(rng, 5), f"{letters(rng, 1)}-{digits(rng, 3)}")))
        )
    if chance(rng, 0.15):
        rows.append(("contact", person(rng, locale)))
    if deal.buyer_locale.country != locale.country and deal.trade == "goods" and chance(rng, 0.7):
        rows.append(("incoterms", f"{pick(rng, _INCOTERMS)} {city(rng, deal.buyer_locale)}"))
    if scene.tax_currency and chance(rng, 0.7):
        code, rate = scene.tax_currency
        printed = scene.forms.number(rate, 4)
        rows.append(("exchange_rate", f"1 {scene.forms.currency} = {printed} {code}"))
    rng.shuffle(rows)
    return tuple(rows)


def _deliver_to(rng: Random, scene: Scene) -> tuple[str, ...]:
    locale = scene.deal.buyer_locale
    return (firm_name(rng, locale), *address(rng, locale).text.split("\n"))


def _conditions(
    rng: Random, scene: Scene, words: dict[str, str], low_pages: bool
) -> tuple[str, ...]:
    """Numbered clauses, enough for one to five pages."""
    locale, clauses = scene.locale, []
    most = weighted(rng, _CLAUSES) + rng.randint(0, 20)
    for number in range(1, most // 2 if low_pages else most):
        chosen = [pick(rng, locale.notes + locale.terms_now) for _ in range(rng.randint(2, 5))]
        text = " ".join(fill(rng, locale, one, **words) for one in chosen)
        clauses.append(f"{number}. {text}")
    return tuple(clauses)


def _hs_code(rng: Random) -> str:
    """A customs tariff number of 6, 8 or 10 digits."""
    body = f"{rng.randint(1, 97):02d}{digits(rng, 2)}{digits(rng, 2)}"
    return pick(rng, (f"{body[:4]}.{body[4:]}", f"{body[:4]} {body[4:]} {digits(rng, 2)}", body))


def _words(rng: Random, scene: Scene) -> dict[str, str]:
    locale, seller = scene.locale, scene.seller
    name = seller.name.printed if seller.name else invented_word(rng, locale)
    site = (
        "".join(
            letter
            for letter in unicodedata.normalize("NFD", name.lower())
            if "a" <= letter <= "z" or letter == "-"
        )[:14].strip("-")
        or f"{letters(rng, 4).lower()}"
    )
    return {
        "seller": name,
        "site": f"{site}.example",
        "web": f"www.{site}.example",
        "mail": f"{pick(rng, ('info', 'office', 'mail', 'post'))}@{site}.example",
        "phone": f"{digits(rng, 3)} {digits(rng, 3)} {digits(rng, 4)}",
        "bank": pick(rng, locale.banks),
        "city": city(rng, locale),
        "person": person(rng, locale),
    }

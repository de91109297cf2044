"""What stands on invoices besides the fields: references, notes, bank details, page numbers."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from erniekit_finetuning.invoice.model import Invoice
from synthetic_invoice_generator.chance import chance, digits, pick
from synthetic_invoice_generator.forms import Forms
from synthetic_invoice_generator.identifiers import iban
from synthetic_invoice_generator.locale import LabelKey, Locale
from synthetic_invoice_generator.parties import city, person
from synthetic_invoice_generator.words import invented_word, letters, product_code

ROWS = 12  # codes and units are drawn for this many lines, then start again


@dataclass(frozen=True)
class Extras:
    """Noise strings. `references` are (label key, value) rows beside the invoice's own data.

    `codes` and `units` fill a column of the table, and are empty when there is none.
    """

    references: tuple[tuple[LabelKey, str], ...] = ()
    intro: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    footer: tuple[str, ...] = ()
    page: str | None = None
    positions: bool = False
    codes: tuple[str, ...] = ()
    units: tuple[str, ...] = ()


def draw_extras(rng: Random, locale: Locale, forms: Forms, invoice: Invoice) -> Extras:
    """Noise that fits the invoice: its seller's name, its forms of dates, its language."""
    words = _words(rng, locale, invoice)
    notes = [pick(rng, locale.notes).format(**words) for _ in range(pick(rng, (0, 0, 1, 1, 2, 3)))]
    if invoice.totals.tax_total is None and not invoice.tax_breakdown:
        notes.insert(0, pick(rng, locale.tax_free))
    if chance(rng, 0.35):
        notes.append(pick(rng, locale.thanks))
    footer = [
        pick(rng, locale.footers).format(**words) for _ in range(pick(rng, (0, 1, 2, 3, 4, 5)))
    ]
    return Extras(
        references=_references(rng, locale, forms, invoice),
        intro=(pick(rng, locale.thanks),) if chance(rng, 0.12) else (),
        notes=tuple(dict.fromkeys(notes)),
        footer=tuple(dict.fromkeys(footer)),
        page=pick(rng, locale.page) if chance(rng, 0.4) else None,
        positions=chance(rng, 0.4),
        codes=tuple(product_code(rng) for _ in range(ROWS)) if chance(rng, 0.2) else (),
        units=_units(rng, locale) if chance(rng, 0.2) else (),
    )


def _references(
    rng: Random, locale: Locale, forms: Forms, invoice: Invoice
) -> tuple[tuple[LabelKey, str], ...]:
    rows: list[tuple[LabelKey, str]] = []
    if chance(rng, 0.35):
        rows.append(("order_number", pick(rng, (product_code(rng), digits(rng, 6)))))
    if chance(rng, 0.35):
        rows.append(
            ("customer_number", pick(rng, (digits(rng, 5), f"{letters(rng, 1)}-{digits(rng, 3)}")))
        )
    if chance(rng, 0.2) and invoice.issue_date is not None and invoice.issue_date.value is not None:
        delivered = invoice.issue_date.value - timedelta(days=rng.randint(1, 20))
        rows.append(("delivery_date", forms.date(delivered).printed))
    if chance(rng, 0.15):
        rows.append(("contact", person(rng, locale)))
    rng.shuffle(rows)
    return tuple(rows)


def _words(rng: Random, locale: Locale, invoice: Invoice) -> dict[str, str]:
    name = invoice.seller.name.printed if invoice.seller.name else invented_word(rng, locale)
    site = "".join(
        letter
        for letter in unicodedata.normalize("NFD", name.lower())
        if "a" <= letter <= "z" or letter == "-"
    )[:14].strip("-")
    numbers = {f"n{count}": digits(rng, count) for count in (2, 3, 4, 5, 8, 9, 10)}
    return {
        **numbers,
        "d": str(rng.randint(5, 40)),
        "seller": name,
        "web": f"www.{site}.example",
        "mail": f"{pick(rng, ('info', 'office', 'mail', 'post'))}@{site}.example",
        "phone": f"{digits(rng, 3)} {digits(rng, 3)} {digits(rng, 4)}",
        "iban": iban(rng, "DE" if locale.country == "US" else locale.country),
        "bank": pick(rng, locale.banks),
        "city": city(rng, locale),
        "person": person(rng, locale),
        "ref": product_code(rng),
    }


def _units(rng: Random, locale: Locale) -> tuple[str, ...]:
    if chance(rng, 0.5):
        return (pick(rng, locale.units),)
    return tuple(pick(rng, locale.units) for _ in range(ROWS))

"""Invented firms and their addresses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from random import Random

from faker import Faker

from erniekit_finetuning.invoice.model import Party, Printed
from synthetic_invoice_generator.chance import chance, digits, pick, weighted
from synthetic_invoice_generator.identifiers import spaced, vat_number
from synthetic_invoice_generator.locale import Locale
from synthetic_invoice_generator.words import invented_word, letters


@dataclass(frozen=True)
class _People:
    """Names drawn once from faker: drawing from lists is 20 times faster than asking it again."""

    first: tuple[str, ...]
    last: tuple[str, ...]
    cities: tuple[str, ...]
    postcodes: tuple[str, ...]
    states: tuple[str, ...]


@cache
def _people(faker_code: str) -> _People:
    fake = Faker(faker_code)
    fake.seed_instance(0)
    states = [fake.state_abbr() for _ in range(80)] if faker_code == "en_US" else [""]
    return _People(
        first=tuple(sorted({fake.first_name() for _ in range(400)})),
        last=tuple(sorted({fake.last_name() for _ in range(1200)})),
        cities=tuple(sorted({fake.city() for _ in range(600)})),
        postcodes=tuple(sorted({fake.postcode() for _ in range(800)})),
        states=tuple(sorted(set(states))),
    )


def person(rng: Random, locale: Locale) -> str:
    """A first and a last name."""
    people = _people(locale.faker)
    return f"{pick(rng, people.first)} {pick(rng, people.last)}"


def city(rng: Random, locale: Locale) -> str:
    """A town, half of them invented."""
    if chance(rng, 0.4):
        return invented_word(rng, locale)
    return pick(rng, _people(locale.faker).cities)


def firm_name(rng: Random, locale: Locale) -> str:
    """The name of an invented firm; now and then a sole trader's or a bare made-up word."""
    form, trade = pick(rng, locale.legal_forms), pick(rng, locale.trades)
    last = pick(rng, _people(locale.faker).last)
    word = invented_word(rng, locale)
    shape = weighted(rng, {0: 5, 1: 5, 2: 3, 3: 2, 4: 2, 5: 1, 6: 1, 7: 2, 8: 1, 9: 1})
    name = (
        f"{word} {form}",
        f"{word} {trade} {form}",
        f"{last} {trade} {form}",
        f"{last} & {pick(rng, _people(locale.faker).last)} {form}",
        f"{word}{invented_word(rng, locale).lower()[:4]} {form}",
        person(rng, locale),
        f"{letters(rng, rng.randint(2, 4))} {trade} {form}",
        f"{word} {invented_word(rng, locale)} {form}",
        f"{word} {trade}",
        f"{trade} {last}",
    )[shape]
    return name.upper() if chance(rng, 0.06) and "ß" not in name else name


def address(rng: Random, locale: Locale) -> str:
    """An address of 2 to 5 lines joined by newlines."""
    people = _people(locale.faker)
    words = {
        "w": pick(rng, people.last) if chance(rng, 0.4) else invented_word(rng, locale),
        "w2": invented_word(rng, locale),
        **_numbers(rng),
    }
    lines = [pick(rng, locale.streets).format(**words)]
    if chance(rng, 0.15):
        extra = pick(rng, locale.extra_lines).format(**words)
        lines.insert(rng.randint(0, 1), extra)
    town = city(rng, locale)
    lines += (
        pick(rng, locale.places)
        .format(
            city=town,
            CITY=town.upper(),
            zip=pick(rng, people.postcodes),
            state=pick(rng, people.states),
        )
        .split("\n")
    )
    if chance(rng, 0.2):
        lines.append(pick(rng, locale.country_name))
    return "\n".join(lines)


def _numbers(rng: Random) -> dict[str, str]:
    return {
        "n": digits(rng, rng.randint(2, 4)),
        "n2": digits(rng, 3),
        "n5": digits(rng, 5),
        "d": digits(rng, rng.randint(1, 2)),
    }


def make_party(rng: Random, locale: Locale, vat_share: float, vat_spaced: bool) -> Party:
    """A firm with its address, and a VAT number in `vat_share` of the draws."""
    name, place = firm_name(rng, locale), address(rng, locale)
    vat: Printed[str] | None = None
    if chance(rng, vat_share):
        number = vat_number(rng, weighted(rng, locale.vat_countries))
        vat = Printed(printed=spaced(number) if vat_spaced else number, value=number)
    return Party(
        name=Printed(printed=name, value=name),
        address=Printed(printed=place, value=place),
        vat_id=vat,
    )

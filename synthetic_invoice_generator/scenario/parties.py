"""Invented firms and their addresses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from random import Random

from faker import Faker

from erniekit_finetuning.invoice.model import Party, Printed
from synthetic_invoice_generator.chance import chance, digits, pick, weighted
from synthetic_invoice_generator.locale import Locale
from synthetic_invoice_generator.scenario.identifiers import spaced, vat_number
from synthetic_invoice_generator.scenario.words import invented_word, letters, verbatim

# Family names that are better known as firms: with a legal form they would name a real one.
_FIRMS = {
    "Abbott", "Albrecht", "Armani", "Bajaj", "Baxter", "Bentley", "Benz", "Bianchi",
    "Bosch", "Camargo", "Campbell", "Ferragamo", "Ferrari", "Ferrero", "Ford", "Gucci",
    "Heinz", "Johnson", "Lamborghini", "Leclerc", "Lloyd", "Loreal", "Missoni", "Mondadori",
    "Morgan", "Morrison", "Osborne", "Otto", "Pascual", "Prada", "Renault", "Ritter",
    "Rizzoli", "Roca", "Roche", "Stanley", "Tobler", "Trussardi", "Valentino", "Wells",
}  # fmt: skip


@dataclass(frozen=True)
class _People:
    """Names drawn once from faker: drawing from lists is 20 times faster than asking it again."""

    first: tuple[str, ...]
    last: tuple[str, ...]
    cities: tuple[str, ...]
    postcodes: tuple[str, ...]
    states: tuple[str, ...]


@dataclass(frozen=True)
class Address:
    """An address as printed (its lines joined by newlines), and the parts that stand in it."""

    text: str
    city: str
    postal_code: str | None
    country: str | None


@cache
def _people(faker_code: str) -> _People:
    fake = Faker(faker_code)
    for provider in fake.get_providers():
        if hasattr(
            provider, "cities"
        ):  # it_IT makes this list from a set, in another order each run
            provider.cities = sorted(provider.cities)
    fake.seed_instance(0)
    states = [fake.state_abbr() for _ in range(80)] if faker_code == "en_US" else [""]
    return _People(
        first=tuple(sorted({fake.first_name() for _ in range(400)})),
        last=tuple(sorted({fake.last_name() for _ in range(1200)} - _FIRMS)),
        cities=tuple(sorted({fake.city() for _ in range(600)})),
        postcodes=tuple(sorted({fake.postcode() for _ in range(800)})),
        states=tuple(sorted(set(states))),
    )


def person(rng: Random, locale: Locale) -> str:
    """A given and a family name in the locale's order."""
    people = _people(locale.faker)
    return locale.person.format(first=pick(rng, people.first), last=pick(rng, people.last))


def city(rng: Random, locale: Locale) -> str:
    """A town, half of them invented."""
    if chance(rng, 0.4):
        return invented_word(rng, locale)
    return pick(rng, _people(locale.faker).cities)


def firm_name(rng: Random, locale: Locale) -> str:
    """The name of an invented firm; now and then a sole trader's or a bare made-up word."""
    people = _people(locale.faker)
    name = pick(rng, locale.firms).format(
        form=pick(rng, locale.legal_forms),
        trade=pick(rng, locale.trades),
        word=invented_word(rng, locale),
        word2=invented_word(rng, locale),
        last=pick(rng, people.last),
        last2=pick(rng, people.last),
        first=pick(rng, people.first),
        person=person(rng, locale),
        short=letters(rng, rng.randint(2, 4)),
    )
    return name.upper() if chance(rng, 0.06) and "ß" not in name else name


def address(rng: Random, locale: Locale, abroad: bool = False) -> Address:
    """An address in the locale's form; `abroad`: with the country's name."""
    people = _people(locale.faker)
    words = {
        "w": pick(rng, people.last) if chance(rng, 0.4) else invented_word(rng, locale),
        **_numbers(rng),
    }
    form = pick(rng, locale.addresses) if chance(rng, 0.2) else locale.addresses[0]
    town, code = city(rng, locale), pick(rng, people.postcodes)
    place = pick(rng, locale.places)
    text = form.format(
        street=pick(rng, locale.streets).format(**words),
        extra=pick(rng, locale.extra_lines).format(**words),
        place=place.format(city=town, CITY=town.upper(), zip=code, state=pick(rng, people.states)),
    )
    country = None
    if abroad:
        country = locale.country_name[0]
    elif chance(rng, 0.2):
        country = pick(rng, locale.country_name)
    if country:
        text += "\n" + country
    return Address(
        text=text,
        city=town.upper() if "{CITY}" in place else town,
        postal_code=code if "{zip}" in place else None,
        country=country,
    )


def _numbers(rng: Random) -> dict[str, str]:
    return {
        "n": digits(rng, rng.randint(2, 4)),
        "n2": digits(rng, 3),
        "n5": digits(rng, 5),
        "d": digits(rng, rng.randint(1, 2)),
    }


def make_party(
    rng: Random, locale: Locale, vat_share: float, vat_spaced: bool, abroad: bool = False
) -> Party:
    """A firm with its address, and a VAT number in `vat_share` of the draws."""
    name, place = firm_name(rng, locale), address(rng, locale, abroad)
    vat: Printed[str] | None = None
    if chance(rng, vat_share):
        number = vat_number(rng, weighted(rng, locale.vat_countries))
        vat = Printed(printed=spaced(number) if vat_spaced else number, value=number)
    return Party(
        name=verbatim(name),
        address=verbatim(place.text),
        city=verbatim(place.city),
        postal_code=place.postal_code and verbatim(place.postal_code),
        country=place.country and Printed(printed=place.country, value=locale.country),
        vat_id=vat,
    )

"""Made-up words. A reader that has only met dictionary words learns to guess instead of to copy."""

from __future__ import annotations

from random import Random

from erniekit_finetuning.invoice.model import Printed
from synthetic_invoice_generator.chance import chance, digits, pick, weighted
from synthetic_invoice_generator.locale import Locale

_CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_SPELLED = "abcdefghijklmnopqrstuvwxyz"


def invented_word(rng: Random, locale: Locale) -> str:
    """A capitalised word of 2 to 4 of the locale's syllables, or now and then of any letters."""
    if locale.script == "latin" and chance(rng, 0.2):
        return "".join(pick(rng, _SPELLED) for _ in range(rng.randint(3, 9))).capitalize()
    count = weighted(rng, {2: 5, 3: 4, 4: 1})
    return "".join(pick(rng, locale.syllables) for _ in range(count)).capitalize()


def verbatim(text: str) -> Printed[str]:
    """A text whose value is its print."""
    return Printed(printed=text, value=text)


def letters(rng: Random, count: int) -> str:
    """`count` capital letters without I and O, which print like digits."""
    return "".join(pick(rng, _CODE_LETTERS) for _ in range(count))


def product_code(rng: Random) -> str:
    """A stock code such as "KD-4821", "77120.3" or "TX900B"."""
    shape = rng.randrange(6)
    if shape == 0:
        return f"{letters(rng, 2)}-{digits(rng, 4)}"
    if shape == 1:
        return f"{digits(rng, 5)}.{rng.randrange(10)}"
    if shape == 2:
        return f"{letters(rng, 2)}{digits(rng, 3)}{letters(rng, 1)}"
    if shape == 3:
        return digits(rng, rng.randint(4, 7))
    if shape == 4:
        return f"{letters(rng, 1)}{digits(rng, 2)}/{digits(rng, 3)}"
    return f"{letters(rng, 3)}-{digits(rng, 2)}-{letters(rng, 1)}{rng.randrange(10)}"


def fill(rng: Random, locale: Locale, template: str, **words: str) -> str:
    """A locale's template with its digits and invented words; `words` are what the page knows."""
    values = {f"n{count}": digits(rng, count) for count in (2, 3, 4, 5, 8, 9, 10)}
    values |= {
        "d": str(rng.randint(5, 40)),
        "ref": product_code(rng),
        "word": invented_word(rng, locale),
        "city": invented_word(rng, locale),
        "person": f"{letters(rng, 1)}. {invented_word(rng, locale)}",
    }
    return template.format(**(values | words))

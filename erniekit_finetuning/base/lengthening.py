"""Longer documents: paragraphs, lists, details and tables of which nothing is asked.

Real invoices have two and three times the words of what is asked for, and pages of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from erniekit_finetuning.base.corpus import prints
from erniekit_finetuning.base.text_rows import invented_words, words_of
from synthetic_invoice_generator.chance import chance, digits, pick, weighted

_LETTERS = (1400, 3200)  # of a document, at least and at most
_COLUMNS = 4  # of a row that is an item's, or so
_KINDS = {"paragraph": 4, "pairs": 3, "details": 3, "table": 1, "page": 1}


def lengthened(rng: Random, text: str, data: Mapping[str, Any]) -> str:
    """The text with rows that say nothing asked for; values of several rows are not parted."""
    rows, words = text.split("\n"), words_of(text) or ["-"]
    parts = [part for value in prints(data) for part in value.split("\n")[1:]]
    free = [at for at, row in enumerate(rows) if not any(part in row for part in parts)]
    places = [*(pick(rng, free) for _ in range(rng.randint(1, 4))), len(rows)] if free else []
    below_items = [at for at in free if at and rows[at - 1].count("\t") >= _COLUMNS]
    added: dict[int, list[str]] = {}
    missing = rng.randint(*_LETTERS) - len(text)
    while missing > 0 and places:
        kind = weighted(rng, _KINDS)
        apart = kind == "details" and below_items
        together = pick(rng, places)
        for row in _rows(rng, kind, words):
            added.setdefault(pick(rng, below_items) if apart else together, []).append(row)
            missing -= len(row)
    longer = [row for at, own in enumerate([*rows, ""]) for row in [*added.get(at, ()), own]]
    return "\n".join(longer[:-1]).replace("\n\f\n", "\f")


def _rows(rng: Random, kind: str, words: Sequence[str]) -> Iterator[str]:
    lead = pick(rng, ("", "", "\t"))
    if kind == "page":
        yield from (f"{_words(rng, words, 1)} {rng.randint(1, 9)}", "\f", _words(rng, words, 5))
    elif kind == "table":
        wide = rng.randint(3, 6)
        yield "\t".join(_words(rng, words, 2) for _ in range(wide))
        for _ in range(rng.randint(1, 4)):
            yield "\t".join(_value(rng, words) for _ in range(rng.randint(2, wide)))
    elif kind == "paragraph":
        for _ in range(rng.randint(1, 8)):
            said = [_words(rng, words, 12)]
            if chance(rng, 0.3):
                said += [_value(rng, words), _words(rng, words, 3)]
            yield lead + " ".join(said)
    else:
        joint = pick(rng, (": ", ": ", ":\t", " :\t", " : ", "\t"))
        for _ in range(rng.randint(2, 8)):
            yield f"{lead}{_words(rng, words, 3)}{joint}{_value(rng, words)}"


def _words(rng: Random, words: Sequence[str], most: int) -> str:
    """Words of the page and invented ones."""
    some = (
        pick(rng, words) if chance(rng, 0.6) else invented_words(rng, 1)
        for _ in range(rng.randint(1, most))
    )
    return " ".join(some)


def _value(rng: Random, words: Sequence[str]) -> str:
    """Something as values look: a name, a number, a code, a day, an amount, a share."""
    day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(2012, 2029)
    mark = pick(rng, (".", "/", "-"))
    kinds = (
        _words(rng, words, 3),
        digits(rng, rng.randint(2, 13)),
        f"{invented_words(rng, 1).upper()[:4]}{pick(rng, ('', '-', ' '))}{digits(rng, 5)}",
        f"{day:02}{mark}{month:02}{mark}{year}",
        f"{year}-{month:02}-{day:02}",
        f"{rng.randint(0, 999)}{pick(rng, ',.')}{digits(rng, 2)}",
        f"{rng.randint(1, 30)} %",
    )
    return pick(rng, kinds)

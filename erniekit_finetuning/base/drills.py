"""Copying and lookup on words that nobody has read before.

Copying of unseen words emerges late or never from whole invoices alone (measured on a 1.8 M
parameter model). Drills teach it on short texts: a value beside its label, a cell under its
heading, a text once more.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, NamedTuple

from erniekit_finetuning.base.text_rows import invented_words
from erniekit_finetuning.data.pair import compact
from erniekit_finetuning.data.prompts import own_words
from synthetic_invoice_generator.chance import chance, digits, pick


class Sample(NamedTuple):
    """One user turn and the answer that is trained."""

    prompt: str
    answer: str


def lookup(rng: Random) -> Sample:
    """Two to fourteen labels with values in one of several forms; one to four are asked for."""
    rows = {_words(rng, 2): _value(rng) for _ in range(rng.randint(2, 14))}
    between = pick(rng, (": ", "\t", " ", ":\t", " = ", "\n", "\t: "))
    text = "\n".join(f"{label}{between}{value}" for label, value in rows.items())
    if chance(rng, 0.3):
        wide = rng.randint(2, 4)
        names = list(rows)
        text = "\n".join(
            "\t".join(some) + "\n" + "\t".join(rows[name] for name in some)
            for some in (names[at : at + wide] for at in range(0, len(names), wide))
        )
    asked = rng.sample(list(rows), rng.randint(1, min(4, len(rows))))
    return _own(text, dict.fromkeys(asked, ""), {label: rows[label] for label in asked})


def table(rng: Random) -> Sample:
    """A table with invented headings between other rows; some of its columns are asked for."""
    headings = list(dict.fromkeys(_words(rng, 2) for _ in range(rng.randint(2, 6))))
    kinds = [pick(rng, (_words_value, _number, _number, _code)) for _ in headings]
    gaps = pick(rng, (0.0, 0.0, 0.1))
    rows = [
        [kind(rng) if not chance(rng, gaps) else "" for kind in kinds]
        for _ in range(rng.randint(1, 6))
    ]
    around = [[_words(rng, 4)] for _ in range(rng.randint(0, 3))]
    below = [[_words(rng, 2), _number(rng)] for _ in range(rng.randint(0, 3))]
    text = "\n".join(
        "\t".join(cell for cell in row if cell)
        for row in [*around, headings, *rows, *below]
        if any(row)
    )
    # A gap makes later columns doubtful, as on paper: only whole columns are asked for then.
    whole = [at for at in range(len(headings)) if all(row[at] for row in rows)]
    if gaps and len(whole) < len(headings):
        whole = whole[:1] if whole and whole[0] == 0 else []
    asked = rng.sample(whole, rng.randint(1, len(whole))) if whole else []
    answer = [{headings[at]: row[at] for at in asked} for row in rows if any(row)]
    name = _words(rng, 1)
    if not asked:
        return repeat(rng)
    return _own(text, {name: [dict.fromkeys((headings[at] for at in asked), "")]}, {name: answer})


def repeat(rng: Random) -> Sample:
    """Copy one to three values."""
    value = pick(rng, (" ", "\n", ", ")).join(_value(rng) for _ in range(rng.randint(1, 3)))
    return _own(value, {"text": ""}, {"text": value})


DRILLS: Mapping[str, Callable[[Random], Sample]] = {
    "lookup": lookup,
    "table": table,
    "repeat": repeat,
}


def _own(text: str, blank: Any, answer: Any) -> Sample:
    return Sample(f"{text}\n{own_words(blank)}", compact(answer))


def _words(rng: Random, most: int) -> str:
    if chance(rng, 0.5):
        return invented_words(rng, most)
    return " ".join(_letters(rng) for _ in range(rng.randint(1, most)))


def _letters(rng: Random) -> str:
    letters = string.ascii_lowercase + ("äöüéèàçñłóßåø" if chance(rng, 0.3) else "")
    word = "".join(pick(rng, letters) for _ in range(rng.randint(2, 9)))
    return pick(rng, (word, word.capitalize(), word.capitalize(), word.upper()))


def _value(rng: Random) -> str:
    return pick(rng, (_words_value, _words_value, _number, _date, _code))(rng)


def _words_value(rng: Random) -> str:
    return _words(rng, 4)


def _number(rng: Random) -> str:
    number = f"{rng.randint(0, 10 ** rng.randint(1, 6))}{pick(rng, '.,')}{rng.randint(0, 99):02d}"
    return number + pick(rng, ("", "", "", " €", " EUR", "%"))


def _date(rng: Random) -> str:
    parts = (rng.randint(1, 28), rng.randint(1, 12), rng.randint(2015, 2030))
    return pick(rng, "./-").join(f"{part:02d}" for part in parts)


def _code(rng: Random) -> str:
    symbols = string.ascii_uppercase + string.digits + string.digits + "-/"
    return "".join(pick(rng, symbols) for _ in range(rng.randint(4, 14))).strip("-/") or digits(
        rng, 2
    )

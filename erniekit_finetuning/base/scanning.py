"""What OCR of a scan does to a page, letters aside: it loses spaces and cells, reads marks that are
none, runs columns together and parts them.

The truth goes along: a name whose space is lost is asked for without it, a lost cell not at all.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from random import Random

from erniekit_finetuning.base.corpus import Labelled
from erniekit_finetuning.base.text_rows import invented_words, tabbed
from synthetic_invoice_generator.chance import chance, pick

_TWO_WORDS = re.compile(r"(?<!\S)(?=(\S+) (\S+))")
_CELL_ENDS = re.compile(r"([\t\n\f])")
_LOSABLE = ("quantity", "unit_price", "discount", "tax_rate", "line_total")
_MARKS = ("-", ".", "|", "O", "I", "·", "'", "]", "J", "1", ":", "ε", "°", "_", "E", "EG", "ii")
_MOST_LETTERS = 5  # of a cell that detection overlooks


def scanned(rng: Random, document: Labelled) -> Labelled:
    """The document as a scan may leave it; every value that is asked for still stands in it."""
    share = pick(rng, (0.0, 0.02, 0.06))
    if share:
        document = _glued(rng, document, share)
    for _ in range(pick(rng, (0, 0, 1, 2, 4))):
        document = _without_a_cell(rng, document)
    values = frozenset(document.asked())
    loose = pick(rng, (0.0, 0.0, 0.05, 0.2))
    rows = re.split(r"([\n\f])", document.text)
    rows[::2] = [_reset(rng, row, values) if chance(rng, loose) else row for row in rows[::2]]
    return replace(document, text="".join(rows))


def _glued(rng: Random, document: Labelled, share: float) -> Labelled:
    """A share of the pairs of words without the space between them, inside values or outside.

    Where a value begins or ends, it stays, so that the value can still be told apart.
    """
    values = [row.split(" ") for row in document.asked()]
    begin, end = {words[0] for words in values}, {words[-1] for words in values}
    pairs = {
        f"{one} {other}": one + other
        for one, other in sorted(set(_TWO_WORDS.findall(document.text)))
        if one not in end and other not in begin and chance(rng, share)
    }
    if not pairs:
        return document
    parted = re.compile(rf"(?<!\S)(?:{'|'.join(map(re.escape, pairs))})(?!\S)")
    return document.changed(lambda said: parted.sub(lambda two: pairs[two[0]], said))


def _without_a_cell(rng: Random, document: Labelled) -> Labelled:
    """The document without a short cell of its lines, where cells and values match one to one."""
    items = document.data["line_items"]
    said = Counter(document.asked())
    cells = _CELL_ENDS.split(document.text)
    seen = Counter(cells[::2])
    key = pick(rng, _LOSABLE)
    values = [item.get(key) for item in items]
    losable = [
        at
        for at, value in enumerate(values)
        if value
        and len(value) <= _MOST_LETTERS
        and values.count(value) == said[value] == seen[value]
    ]
    if not losable:
        return document
    lost = pick(rng, losable)
    value, before = values[lost], values[:lost].count(values[lost])
    place = [at for at in range(0, len(cells), 2) if cells[at] == value][before]
    cells[place] = ""
    rows = re.split(r"([\n\f])", "".join(cells))
    rows[::2] = [tabbed(row.split("\t")) for row in rows[::2]]
    text = re.sub(r"\n*([\n\f])\n*", r"\1", "".join(rows)).strip("\n")
    left = [{**item, key: None} if at == lost else item for at, item in enumerate(items)]
    return replace(document, text=text, data={**document.data, "line_items": left})


def _reset(rng: Random, row: str, values: frozenset[str]) -> str:
    """The row with a mark more, a gap less, or one in the middle of a cell that says no value."""
    cells = row.split("\t")
    place = rng.randrange(len(cells))
    way = pick(rng, ("mark", "mark", "gap", "gap", "parted"))
    if way == "mark":
        cells.insert(place, pick(rng, (*_MARKS, invented_words(rng, 1))))
    elif way == "gap" and place:
        cells[place - 1 : place + 1] = [f"{cells[place - 1]} {cells[place]}".strip()]
    elif way == "parted" and not any(value in cells[place] for value in values):
        cells[place : place + 1] = cells[place].split(" ")
    return tabbed(cells)

"""The lines of a text page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from erniekit_finetuning.base.setting import Setting
from erniekit_finetuning.base.text_details import UNITS, details
from erniekit_finetuning.base.text_rows import (
    EMPTY,
    Rows,
    indented,
    invented_words,
    labelled,
    pair,
    stacked,
    wrapped,
)
from synthetic_invoice_generator.chance import chance, digits, pick, weighted


@dataclass(frozen=True)
class _Form:
    """How lines are set.

    Shares of lines (0 to 1): `wraps` of descriptions, `details` below them, `sinks` of last cells
    that stand in the row below. `indents`: numbers in a row of their own stand further right.
    """

    way: str  # table | receipt | cards | below
    keys: list[str]
    headings: list[str]
    wraps: float
    details: float
    sinks: float
    indents: bool


def table(page: Setting) -> Rows:
    """Headings and lines: as a table, two rows a line, or labelled values."""
    rng, columns = page.rng, page.view["columns"]
    order = list(range(len(columns)))
    if chance(rng, 0.15):
        rng.shuffle(order)
    form = _Form(
        way=weighted(rng, {"table": 16, "receipt": 1, "cards": 0.7, "below": 2}),
        keys=[columns[index]["key"] for index in order],
        headings=[labelled(rng, page.hand, columns[index]["heading"]) for index in order],
        wraps=pick(rng, (0, 0, 0.3, 0.7)),
        details=pick(rng, (0, 0, 0, 0.3, 0.8)),
        sinks=pick(rng, (0, 0, 0, 0, 0, 0, 0.2, 0.9)),
        indents=chance(rng, 0.7),
    )
    if chance(rng, 0.12):  # a column that nobody asks for
        place = rng.randint(0, len(form.keys))
        form.keys.insert(place, "strange")
        form.headings.insert(place, pick(rng, (page.labels["code"], invented_words(rng, 2))))
    unit = pick(rng, UNITS) if "unit" not in form.keys and chance(rng, 0.15) else None
    spaced = chance(rng, 0.1)
    rows: Rows = [form.headings]
    if chance(rng, 0.25):
        rows = stacked(rng, form.headings)
    elif form.way == "cards" or chance(rng, 0.05):
        rows = []
    for cells, item in zip(page.view["rows"], page.data["line_items"], strict=True):
        found = {column["key"]: cell for column, cell in zip(columns, cells, strict=True)}
        found["strange"] = f"{digits(rng, 2)}{pick(rng, 'ATKX')}{digits(rng, 2)}"
        if unit and found.get("quantity"):
            found["quantity"] = f"{item['quantity']} {unit}"
        if spaced and found.get("tax_rate", "").endswith("%") and " " not in found["tax_rate"]:
            found["tax_rate"] = item["tax_rate"] = found["tax_rate"].replace("%", " %")
        rows += _line(page, form, found, item)
    return rows


def _line(page: Setting, form: _Form, found: dict[str, str], item: dict[str, Any]) -> Rows:
    rng, keys = page.rng, form.keys
    parts = [
        part
        for row in found["description"].split("\n")
        for part in (wrapped(rng, row, 2) if chance(rng, form.wraps) else [row])
    ]
    item["description"] = "\n".join(parts)
    more = details(page) if chance(rng, form.details) else []
    if form.way != "cards":
        more = indented(more, keys.index("description"))
    if form.way == "cards":
        return _card(page, form, found, parts) + more
    if form.way == "receipt":
        others = [found[key] for key in keys if key != "description"]
        return [*([part] for part in parts), [EMPTY, *others] if form.indents else others]
    at = keys.index("description")
    before, after = [found[key] for key in keys[:at]], [found[key] for key in keys[at + 1 :]]
    if form.way == "below":
        numbers = [EMPTY] * (len(before) + 1) + after if form.indents else after
        return [[*before, parts[0]], *_continued(before, parts[1:]), *more, numbers]
    # The row with the numbers is the first of the description's, now and then a later one.
    row = rng.randrange(len(parts)) if chance(rng, 0.15) else 0
    rows = _continued(before, parts)
    rows[row] = [*before, parts[row], *after]
    rows += more
    if after and chance(rng, form.sinks):
        if row + 1 == len(rows):
            rows.append([])
        below = rows[row + 1]
        below += [EMPTY] * (len(rows[row]) - 1 - len(below)) + [rows[row].pop()]
    return rows


def _continued(before: list[str], parts: list[str]) -> Rows:
    """Rows of a description alone, under its column."""
    return indented([[part] for part in parts], len(before))


def _card(page: Setting, form: _Form, found: dict[str, str], parts: list[str]) -> Rows:
    rows: Rows = []
    for key, heading in zip(form.keys, form.headings, strict=True):
        if key == "description":
            rows += [[f"{heading}{page.hand.colon} {parts[0]}"], *([part] for part in parts[1:])]
        elif found[key]:
            rows += pair(page.rng, page.hand, heading, found[key])
    return rows

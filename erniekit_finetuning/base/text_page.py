"""Invoices set as text pages, without a typesetter: far more forms than layouts could be drawn.

Real invoices differ in what stands beside what, in how labels and values are joined, in rows that
interleave, in cells that wrap, in parties and numbers that are not asked for. A page here is set
from the same printed strings that a layout gets, and the truth follows where a page prints a value
in another form.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from erniekit_finetuning.base.setting import Setting, Source, contact
from erniekit_finetuning.base.text_foot import below, totals
from erniekit_finetuning.base.text_parties import party, stranger
from erniekit_finetuning.base.text_rows import (
    Rows,
    beside,
    draw_hand,
    grid,
    indented,
    invented_words,
    pair,
    tabbed,
    without_columns,
)
from erniekit_finetuning.base.text_table import table
from synthetic_invoice_generator.chance import chance, digits, pick, weighted

_DATED = {
    "de": ("vom", "vom", "/", "-", "dat."),
    "fr": ("du", "du", "en date du", "/", "-"),
    "en": ("dated", "of", "-", "/", "from"),
    "es": ("de fecha", "del", "de", "/"),
    "it": ("del", "del", "di data", "/"),
    "nl": ("d.d.", "van", "/", "-"),
    "pl": ("z dnia", "z", "/"),
    "pt": ("de", "data", "/", "-"),
}
_NUMBER_MARKS = ("Nr.", "No.", "N°", "n°", "nº", "#", "Nr", ":")
_NUMBER_JOINTS = (" ", " ", " ", " ", ": ", " : ", ":\t", " :\t")
_REFERENCES = ("order_number", "customer_number", "contact", "contract_number")
_CODES = ("EUR", "USD", "GBP", "CHF", "PLN", "SEK")
_Pairs = list[tuple[str, str]]


def text_page(rng: Random, source: Source, other: Source) -> tuple[str, dict[str, Any]]:
    """A page's text and its `structured_data`; `other` lends names that are not asked for."""
    letter = chance(rng, 0.4)  # paper that names the seller on top, far from its block
    bare = chance(rng, 0.7 if letter else 0.3)
    page = Setting(rng, draw_hand(rng), _without_headings(rng, source) if bare else source, other)
    meta = [(row["label"], row["value"].replace("\n", " ")) for row in source.view["meta"]]
    title, meta = _title(page, meta)
    top = _top(page, meta, shuffled=0.7 if letter else 0.55)
    parts = [title, top + _remarks(page), table(page), totals(page)]
    if chance(rng, 0.06):  # the sums on top, as utilities print them
        parts[2], parts[3] = parts[3], parts[2]
    if chance(rng, 0.25):
        parts[0], parts[1] = parts[1], parts[0]
    parts.append(below(page))
    if chance(rng, 0.3):
        parts.insert(rng.randint(0, 2), [[row] for row in _strange_rows(rng)])
    if letter:
        parts.insert(0, _letterhead(page))
    head = _running_head(rng) if chance(rng, 0.12) else None
    rows = [[head]] if head else []
    rows += [row for part in parts for row in part]
    if chance(rng, 0.04):  # what runs up the margin comes last
        rows.append([f"{invented_words(rng, 6)} V{digits(rng, 4)}"])
    text = _paged(rng, rows, head)
    if chance(rng, 0.15):  # read without places: nothing tells which columns are empty
        text = without_columns(text, "\t")
    return text.replace("\N{NO-BREAK SPACE}", " "), page.data


def _title(page: Setting, meta: _Pairs) -> tuple[Rows, _Pairs]:
    """The title, often with number and date, and the data that is left to print elsewhere."""
    rng, title = page.rng, page.view["title"]
    number = page.data["client_info"]["invoice_number"]
    day = page.data["client_info"]["invoice_date"]
    named = number is not None and number in title
    if number is None or named or not chance(rng, 0.3):
        return _placed(rng, title) if named or chance(rng, 0.8) else [], meta
    coded = f"{title}{pick(rng, ('', '', ' (380)', ' (384)'))}"
    row = pick(rng, (coded, page.labels["number"], f"{coded} {pick(rng, _NUMBER_MARKS)}"))
    row, taken = f"{row}{pick(rng, _NUMBER_JOINTS)}{number}", {number}
    if day is not None and chance(rng, 0.6):
        row += f" {pick(rng, _DATED.get(page.source.language, ('/', '-')))} {day}"
        taken.add(day)
    if chance(rng, 0.8):
        meta = [(label, value) for label, value in meta if value not in taken]
    return _placed(rng, row), meta


def _without_headings(rng: Random, source: Source) -> Source:
    """The source without headings of its parties: what names the seller elsewhere tells."""
    view = {**source.view}
    for key, share in (("seller", 0.8), ("buyer", 0.3)):
        if chance(rng, share):
            view[key] = {**view[key], "heading": None}
    return replace(source, view=view)


def _letterhead(page: Setting) -> Rows:
    """The seller's name on top of its paper, alone or beside something."""
    rng, name = page.rng, page.view["seller"]["name"]
    if not name:
        return []
    around: Rows = [[], [], [page.view["title"]], [contact(rng)], [invented_words(rng, 2)]]
    row = [name, *pick(rng, around)]
    if len(row) == 2 and chance(rng, 0.3):
        row.reverse()
    return indented([row]) if chance(rng, 0.3) else [row]


def _placed(rng: Random, title: str) -> Rows:
    """At the left edge, or further right."""
    return indented([[title]]) if chance(rng, 0.4) else [[title]]


def _top(page: Setting, meta: _Pairs, shuffled: float) -> Rows:
    """Parties and data, some side by side, a share of them in any order."""
    rng = page.rng
    blocks = [party(page, "seller"), party(page, "buyer"), _data(page, meta)]
    blocks += [stranger(page) for _ in range(pick(rng, (0, 0, 0, 0, 0, 0, 1, 1, 2, 4)))]
    if chance(rng, shuffled):
        rng.shuffle(blocks)
    while len(blocks) > 1 and chance(rng, 0.75):
        place = rng.randrange(len(blocks) - 1)
        blocks[place : place + 2] = [beside(rng, blocks[place], blocks[place + 1])]
    blocks = [indented(block) if chance(rng, 0.2) else block for block in blocks]
    return [row for block in blocks for row in block]


def _data(page: Setting, meta: _Pairs) -> Rows:
    """The invoice's own data among references that nobody asks for."""
    rng, rows = page.rng, [*meta, *page.among_data]
    for label, value in _references(page):
        if label not in [name.rstrip(": ") for name, _ in rows]:
            rows.insert(rng.randint(0, len(rows)), (label, value))
    if not rows:
        return []
    if chance(rng, 0.3):
        return grid(rng, page.hand, rows)
    pairs = [pair(rng, page.hand, label, value) for label, value in rows]
    half = len(pairs) // 2 if len(pairs) > 2 and chance(rng, 0.15) else 0
    left = [row for one in pairs[:half] for row in one]
    right = [row for one in pairs[half:] for row in one]
    return beside(rng, left, right) if left else right


def _references(page: Setting) -> _Pairs:
    """Up to eight numbers, names and days of deliveries, and number and day of another invoice."""
    rng, found = page.rng, []
    day = page.other.data["client_info"]["invoice_date"]
    for _ in range(pick(rng, (0, 0, 0, 1, 1, 2, 4, 8))):
        code = f"{pick(rng, 'ABCGKPX')}{digits(rng, 5)}"
        amount = f"{digits(rng, rng.randint(1, 3))},{digits(rng, 2)}"
        kinds = (digits(rng, rng.randint(3, 9)), code, code, invented_words(rng, 2), amount, "")
        found.append((page.labels[pick(rng, _REFERENCES)], pick(rng, kinds)))
        if day is not None and chance(rng, 0.3):
            found[-1] = (page.labels["delivery_date"], day)
    currency = page.data["financial_summary"]["currency"]
    if currency and chance(rng, 0.1):  # that of the tax, of the books
        label = f"{page.labels['currency'].rstrip(': ')} {invented_words(rng, 2)}"
        others = [code for code in _CODES if code != currency]
        found.append((pick(rng, (label, invented_words(rng, 3))), pick(rng, others)))
    earlier = page.other.data["client_info"]["invoice_number"]
    if earlier and chance(rng, 0.2):
        label, said = page.labels["preceding_invoice"], page.labels["number"]
        day_said = f"{page.labels['issue_date']} ({label})"
        if chance(rng, 0.5):  # called as this one's number and day are, and a word more
            word = invented_words(rng, 1)
            label, day_said = f"{said} {word}", f"{page.labels['issue_date']} {word}"
        found.append((label, earlier))
        if day is not None and chance(rng, 0.5):
            found.append((day_said, day))
    return found


def _remarks(page: Setting) -> Rows:
    """Sentences above the lines, as some print them there: of this invoice's kind or another's."""
    if not chance(page.rng, 0.25):
        return []
    said = [*page.view["intro"], *page.other.view["notes"], *page.other.view["footer"]]
    day = page.other.data["client_info"]["invoice_date"]
    if day is not None:  # the order's number and day, said as those of an invoice are
        order = f"{page.labels['order_number'].rstrip(': ')} {pick(page.rng, _NUMBER_MARKS)}"
        dated = pick(page.rng, _DATED.get(page.source.language, ("/", "-")))
        kind = pick(page.rng, (page.view["title"], invented_words(page.rng, 3)))
        said.append(f"{kind} {order} {digits(page.rng, 6)} {dated} {day}")
    page.rng.shuffle(said)
    return [[row] for row in said[: page.rng.randint(1, 6)]]


def _running_head(rng: Random) -> str:
    """What a viewer or a form prints on top of every page."""
    year, version = rng.randint(2008, 2030), f"{rng.randint(1, 9)}.{rng.randint(0, 9)}"
    words = invented_words(rng, 4)
    maker = f"(c) {invented_words(rng, 1)} {year}"
    kinds = (f"{words} {version}", f"{words} {version}, {maker}", f"{words}, {maker}", words)
    return pick(rng, kinds)


def _strange_rows(rng: Random) -> list[str]:
    """Rows that say nothing that is asked for."""
    several = "\t".join(invented_words(rng, 2) for _ in range(rng.randint(2, 4)))
    labelled = f"{invented_words(rng, 3)}: {invented_words(rng, 2)}"
    kinds = (invented_words(rng, 8), labelled, contact(rng), several)
    return [pick(rng, kinds) for _ in range(rng.randint(1, 4))]


def _joined(row: list[str], gap: str) -> str:
    """The cells of a row; only tabs tell of empty columns."""
    return tabbed(row) if gap == "\t" else gap.join(cell for cell in row if cell)


def _paged(rng: Random, rows: Rows, running: str | None) -> str:
    """Rows joined; some gaps too small for tabs, page breaks with small print of their own."""
    gap = weighted(rng, {"\t": 12, " ": 1, "  ": 0.5})
    loose = pick(rng, (0, 0, 0, 0.05, 0.2))
    lines = [_joined(row, " " if chance(rng, loose) else gap) for row in rows if any(row)]
    breaks = weighted(rng, {0: 8, 1: 3 if len(lines) > 25 else 0.5, 2: 1 if len(lines) > 40 else 0})
    for number in range(breaks):
        place = rng.randint(1, len(lines) - 1)
        foot = pick(rng, ([f"{number + 1} / {breaks + 1}"], [f"Page {number + 1}"], [], []))
        head = [running] if running else pick(rng, ([], [], [pick(rng, lines)[:30].strip()]))
        lines[place:place] = [*foot, "\f", *head]
    return "\n".join(lines).replace("\n\f\n", "\f")

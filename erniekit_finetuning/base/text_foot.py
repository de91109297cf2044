"""The sums of a text page, and what stands below them."""

from __future__ import annotations

import re
from random import Random

from erniekit_finetuning.base.setting import Setting, contact
from erniekit_finetuning.base.text_details import discounts_of_all
from erniekit_finetuning.base.text_rows import (
    EMPTY,
    Rows,
    beside,
    grid,
    indented,
    invented_words,
    labelled,
    pair,
    stacked,
)
from synthetic_invoice_generator.chance import chance, digits, pick

_HEADS = (
    *("Sitz der Gesellschaft", "Geschäftsführer", "Bankverbindung", "Home Page", "Phone No."),
    *("Registered office", "Siège social", "Banque", "Sede legale", "Domicilio social", "Email"),
)
_HOLDERS = (
    *("Kontoinhaber", "Account holder", "Account name", "Titulaire", "Intestatario", "Titular"),
    *("Beneficiary", "Begünstigter", "NOM", "Geschäftsführer", "Inhaber", "Directeur", "Gérant"),
)
_NUMBERS = r"\s+(?=\d)|(?<=%)\s+"
_CURRENCIES = ("EUR", "EUR", "€", "€", "€", "USD", "$", "GBP", "£", "CHF", "PLN", "zł", "INR")
_ZEROS = (("allowance_total", "discount"), ("charge_total", "charges"))


def totals(page: Setting) -> Rows:
    """The sums as rows or side by side, with the table of taxes where there is one."""
    rng, summary = page.rng, page.data["financial_summary"]
    sums = [(row["label"], row["value"]) for row in page.view["totals"]]
    for label, key in _ZEROS:
        if summary[key] is None and sums and chance(rng, 0.05):
            summary[key] = pick(rng, ("0,00", "0.00", "-0,00"))
            place = rng.randint(0, min(2, len(sums) - 1))
            sums.insert(place, (page.labels[label], summary[key]))
    if summary["currency"] is None and sums and chance(rng, 0.5):  # only a label says it
        summary["currency"] = currency = pick(rng, _CURRENCIES)
        place = rng.randrange(len(sums))
        label, value = sums[place]
        first, *more = label.rstrip(": ").split(" ")
        ways = ([first, currency, *more], [first, *more, f"({currency})"])
        sums[place] = (" ".join(pick(rng, ways)), value)
    if chance(rng, 0.08):
        rng.shuffle(sums)
    if chance(rng, 0.08) and len(sums) > 2:
        rows = _by_rate(page, sums)
    elif chance(rng, 0.25) and len(sums) > 1:
        rows = grid(rng, page.hand, sums)
        if chance(rng, 0.3):  # small print beside the sums
            rows.insert(1, [pick(rng, page.view["notes"] or ("",))])
            rows[2].insert(0, pick(rng, page.other.view["notes"] or ("",)))
    else:
        empty = [label for label, key in _ZEROS if summary[key] is None]
        if empty and chance(rng, 0.06):  # a form that prints every sum, also without a value
            sums.insert(rng.randint(0, len(sums)), (page.labels[pick(rng, empty)], ""))
        leader = pick(rng, ("", "", "", "", " ........", " ____"))
        rows = [row for label, value in sums for row in pair(rng, page.hand, label + leader, value)]
        if chance(rng, 0.15):  # rates and bases in columns of their own
            rows = [[*re.split(_NUMBERS, row[0]), *row[1:]] for row in rows]
    if chance(rng, 0.06):
        rows = discounts_of_all(page) + rows
    taxes = _taxes(page)
    if taxes and chance(rng, 0.3):
        return beside(rng, taxes, rows)
    if chance(rng, 0.6):  # the sums stand on the right
        rows = indented(rows, rng.randint(1, 3))
    return taxes + rows if chance(rng, 0.6) else rows + taxes


def _by_rate(page: Setting, sums: list[tuple[str, str]]) -> Rows:
    """All sums in one row, above it their parts by rate of tax in rows of the same columns."""
    rng, values = page.rng, [value for _, value in sums]
    mark = pick(rng, ("", "%", " %", ",0", ",00 %"))
    rates = [f"{rng.randint(1, 25)}{mark}" for _ in range(rng.randint(1, 3))]
    alone = len(rates) == 1 and chance(rng, 0.5)
    rows = [[*values] if alone else [_like(rng, value) for value in values] for _ in rates]
    currency = page.data["financial_summary"]["currency"]
    last = pick(rng, (EMPTY, EMPTY, currency or EMPTY, invented_words(rng, 1)))
    place = rng.randint(0, len(sums))
    for row, rate in zip([*rows, values], [*rates, last], strict=True):
        row.insert(place, rate)
    headings = [labelled(rng, page.hand, label) for label, _ in sums]
    headings.insert(place, page.labels["tax_rate"])
    below = [*rows, values]
    return [headings, *(indented(below) if chance(rng, 0.4) else below)]


def _like(rng: Random, value: str) -> str:
    """Another number of the same form, now and then none."""
    return re.sub(r"\d", lambda _: digits(rng, 1), value) if chance(rng, 0.85) else EMPTY


def below(page: Setting) -> Rows:
    """Terms, account, notes, and the small print in one to three columns."""
    rng, view = page.rng, page.view
    blocks: list[Rows] = [[[line] for line in view["notes"]]]
    if terms := view["terms"]:
        label = terms["label"].rstrip(":")
        value = terms["value"]
        blocks.append(pair(rng, page.hand, label, value) if label else [[value]])
    account = [pair(rng, page.hand, row["label"], row["value"]) for row in view["account"]]
    if chance(rng, 0.2):
        holder = pick(rng, (view["seller"]["name"] or "", invented_words(rng, 2)))
        account.insert(0, pair(rng, page.hand, pick(rng, _HOLDERS), holder))
    blocks.append([row for rows in account for row in rows])
    columns = bool(page.below) and chance(rng, 0.35)
    if not columns:
        blocks += [pair(rng, page.hand, label, value) for label, value in page.below]
    rng.shuffle(blocks)
    rows = [row for block in blocks for row in block]
    small = _small_print(page)
    rows += indented(small) if chance(rng, 0.2) else small  # in the middle
    return rows + _columns(page) if columns else rows


def _columns(page: Setting) -> Rows:
    """The letter paper's foot: headings, and below them what they head."""
    rng, seller = page.rng, page.view["seller"]
    cells = [*page.below]
    if seller["name"]:
        cells.insert(0, (seller["name"], invented_words(rng, 2)))
    for _ in range(rng.randint(1, 3)):
        value = pick(rng, (contact(rng), invented_words(rng, 3), digits(rng, 10)))
        cells.insert(rng.randint(0, len(cells)), (pick(rng, _HEADS), value))
    deeper = [contact(rng) for _ in range(rng.randint(0, len(cells)))]
    return [[head for head, _ in cells], [value for _, value in cells], deeper]


def _taxes(page: Setting) -> Rows:
    rng, taxes = page.rng, page.view["taxes"]
    if taxes is None:
        return []
    headings = [labelled(rng, page.hand, heading) for heading in taxes["headings"]]
    lead = pick(rng, ("", "", page.labels["tax_total"]))
    rows = [[lead, *row] if lead else row for row in taxes["rows"]]
    rows = [*(stacked(rng, headings) if chance(rng, 0.3) else [headings]), *rows]
    return indented(rows, rng.randint(1, 2)) if chance(rng, 0.2) else rows


def _small_print(page: Setting) -> Rows:
    rng, seller = page.rng, page.view["seller"]
    footer = list(page.view["footer"])
    if seller["name"] and chance(rng, 0.3):
        joint = pick(rng, (" - ", " · ", ", ", " "))
        footer.append(joint.join([seller["name"], *seller["lines"]]))
    for _ in range(pick(rng, (0, 0, 1, 3))):
        footer.insert(rng.randint(0, len(footer)), contact(rng))
    wide = rng.randint(2, 3) if chance(rng, 0.3) else 1
    return [footer[start : start + wide] for start in range(0, len(footer), wide)]

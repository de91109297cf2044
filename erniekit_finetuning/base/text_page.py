"""Invoices set as text pages, without a typesetter: far more forms than layouts could be drawn.

Real invoices differ in what stands beside what, in how labels and values are joined, in rows that
interleave, in cells that wrap, in parties and numbers that are not asked for. A page here is set
from the same printed strings that a layout gets (`looks.view.page_view`), and the truth follows
where a page prints a value in another form.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from erniekit_finetuning.base.text_rows import (
    Hand,
    Rows,
    beside,
    draw_hand,
    grid,
    invented_words,
    labelled,
    pair,
    stacked,
    wrapped,
)
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
_UNITS = ("Stk", "Stk.", "pcs", "h", "Unit(s)", "PCE", "u.", "kg", "EA", "St", "pz", "szt.", "un")
_JOINTS = (" - ", ", ", " · ", " | ", " • ", "\t●\t", " – ")


@dataclass(frozen=True)
class Source:
    """What a page is set from: strings and labels of a drawn invoice, its language, its truth."""

    view: Mapping[str, Any]
    labels: Mapping[str, str]
    language: str
    data: Mapping[str, Any]


def text_page(rng: Random, source: Source, other: Source) -> tuple[str, dict[str, Any]]:
    """A page's text and its `structured_data`; `other` lends names that are not asked for."""
    page = _Page(rng, draw_hand(rng), source, other)
    return _flat(page.text()), page.data


def _flat(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


class _Page:
    """One page while it is set; `data` is the truth of what it prints."""

    def __init__(self, rng: Random, hand: Hand, source: Source, other: Source) -> None:
        self.rng, self.hand, self.source, self.other = rng, hand, source, other
        self.view, self.data = source.view, copy.deepcopy(dict(source.data))
        self._meta = [(row["label"], row["value"].replace("\n", " ")) for row in self.view["meta"]]

    def text(self) -> str:
        rng = self.rng
        title = self._title()
        top, table, totals = self._top(), self._table(), self._totals()
        if chance(rng, 0.06):  # the sums on top, as utilities print them
            parts = [title, top, totals, table]
        else:
            parts = [title, top, table, totals]
        if chance(rng, 0.25):
            parts[0], parts[1] = parts[1], parts[0]
        parts += [self._below()]
        if chance(rng, 0.3):
            parts.insert(rng.randint(0, 2), [[line] for line in self._strangers()])
        return self._paged([row for part in parts for row in part])

    def _paged(self, rows: Rows) -> str:
        """Rows joined; page breaks and their small print between some, gaps too small for tabs."""
        rng, gap = self.rng, weighted(self.rng, {"\t": 12, " ": 1, "  ": 0.5})
        loose = pick(rng, (0, 0, 0, 0.05, 0.2))
        lines = []
        for row in rows:
            between = " " if chance(rng, loose) else gap
            lines.append(between.join(cell for cell in row if cell))
        count = weighted(
            rng, {0: 8, 1: 3 if len(lines) > 25 else 0.5, 2: 1 if len(lines) > 40 else 0}
        )
        text = lines
        for number in range(count):
            place = rng.randint(1, len(text) - 1)
            foot = pick(rng, (f"{number + 1} / {count + 1}", f"Page {number + 1}", "", ""))
            head = pick(rng, ("", "", str(rng.choice(lines))[:30]))
            text = [
                *text[:place],
                *([foot] if foot else []),
                "\f",
                *([head] if head else []),
                *text[place:],
            ]
        return "\n".join(text).replace("\n\f\n", "\f")

    # the head of the page

    def _title(self) -> Rows:
        """The title, often with the number and the date, which then stand nowhere else."""
        rng, data = self.rng, self.data["client_info"]
        title = self.view["title"]
        number, day = data["invoice_number"], data["invoice_date"]
        label = self.source.labels["number"]
        if number is None or not chance(rng, 0.3):
            return [[title]] if chance(rng, 0.8) else []
        words = pick(
            rng,
            (
                title,
                label,
                f"{title} {pick(rng, ('Nr.', 'No.', 'N°', 'n°', 'nº', '#', 'Nr', ':'))}",
            ),
        )
        code = pick(rng, ("", "", "", " (380)"))
        row = f"{words}{code} {number}" if number not in words else words
        taken = {number}
        if day is not None and chance(rng, 0.6):
            row += f" {pick(rng, _DATED.get(self.source.language, ('/', '-')))} {day}"
            taken.add(day)
        if chance(rng, 0.8):
            self._meta = [(name, value) for name, value in self._meta if value not in taken]
        return [[row]]

    def _top(self) -> Rows:
        rng = self.rng
        seller, buyer = self._party("seller", "vendor_block"), self._party("buyer", "client_info")
        meta = self._pairs(self._meta_rows())
        blocks = [seller, buyer, meta]
        if chance(rng, 0.15):
            blocks.append(self._stranger())
        if not chance(rng, 0.6):
            rng.shuffle(blocks)
        while len(blocks) > 1 and chance(rng, 0.75):
            place = rng.randrange(len(blocks) - 1)
            blocks[place : place + 2] = [beside(rng, blocks[place], blocks[place + 1])]
        return [row for block in blocks for row in block]

    def _meta_rows(self) -> list[tuple[str, str]]:
        """The invoice's own data with references that nobody asks for."""
        rng, rows = self.rng, list(self._meta)
        for _ in range(pick(rng, (0, 0, 0, 1, 1, 2, 4))):
            value = pick(rng, (digits(rng, rng.randint(3, 9)), f"{pick(rng, 'ABCGKPX')}{digits(rng, 5)}",
                               invented_words(rng, 2), self._date()))  # fmt: skip
            key = pick(
                rng,
                ("order_number", "customer_number", "delivery_date", "contact", "contract_number"),
            )
            label = self.source.labels[key] if value is not None else ""
            # A reference looks like one; a day is that of an order or a delivery, not the invoice's.
            if key == "delivery_date" or value == self._day:
                key, value = "delivery_date", self._date()
                label = self.source.labels[key]
            if label not in [name.rstrip(": ") for name, _ in rows]:
                rows.insert(rng.randint(0, len(rows)), (label, value))
        return rows

    _day: str | None = None

    def _date(self) -> str:
        days = [value for row in self.other.view["meta"] for value in [row["value"]]
                if value in (self.other.data["client_info"]["invoice_date"],)]  # fmt: skip
        self._day = (
            days[0] if days else f"{self.rng.randint(1, 28):02d}.{self.rng.randint(1, 12):02d}.2023"
        )
        return self._day

    def _pairs(self, rows: list[tuple[str, str]]) -> Rows:
        rng = self.rng
        if not rows:
            return []
        if chance(rng, 0.2):
            return grid(rng, self.hand, rows)
        set_rows = [pair(rng, self.hand, label, value) for label, value in rows]
        if chance(rng, 0.15) and len(set_rows) > 2:
            half = len(set_rows) // 2
            left = [row for one in set_rows[:half] for row in one]
            return beside(rng, left, [row for one in set_rows[half:] for row in one])
        return [row for one in set_rows for row in one]

    def _party(self, key: str, block: str) -> Rows:
        """A party as rows, as labelled rows, or all in one row."""
        rng, party, said = self.rng, self.view[key], self.data[block]
        lines, name = list(party["lines"]), party["name"]
        heading = party["heading"] or (
            self.source.labels[key] if key == "buyer" and chance(rng, 0.5) else None
        )
        rows: Rows = []
        if heading:
            rows.append([labelled(rng, self.hand, heading) + self.hand.colon])
        way = weighted(rng, {"rows": 12, "named": 2, "line": 1.5 if key == "seller" else 0.3})
        if way == "line" and name:
            joint = pick(rng, _JOINTS)
            place = joint.strip("\t") if "\t" in joint else joint
            if "\t" in joint:
                rows.append([part for line in [name, *lines] for part in (line, "●")][:-1])
                said["address"] = "\n".join(lines) if len(lines) == 1 else None
                if len(lines) > 1:
                    rows += [[line] for line in lines]
                    said["address"] = "\n".join(lines)
            else:
                rows.append([place.join([name, *lines])])
                said["address"] = place.join(lines) or None
        elif way == "named" and name:
            rows += pair(
                rng,
                self.hand,
                pick(rng, ("Name", "Firma", "Nom", "Company", "Nombre", "Nome")),
                name,
            )
            for index, line in enumerate(lines):
                label = (
                    pick(rng, ("Anschrift", "Adresse", "Address", "Dirección", "Indirizzo"))
                    if index == 0
                    else None
                )
                rows += pair(rng, self.hand, label, line) if label else [[line]]
        else:
            rows += [[name]] if name else []
            rows += [[line] for line in lines]
        if party["vat"] and said["tax_id"]:
            label = self.source.labels["vat_id"]
            rows += pair(rng, self.hand, label, said["tax_id"])
        rows += [[row["text"]] for row in party["registers"]]
        for _ in range(pick(rng, (0, 0, 0, 1, 2))):
            rows.insert(
                rng.randint(min(1, len(rows)), len(rows)) if name else 0, [self._contact()]
            ) if len(rows) > len(lines) + 1 else rows.append([self._contact()])
        if party["return_line"]:
            rows.insert(0, [party["return_line"]])
        if party["also"]:
            rows += [[party["also"]["heading"]], *([line] for line in party["also"]["lines"])]
        return rows

    def _contact(self) -> str:
        rng = self.rng
        number = f"{digits(rng, 3)} {digits(rng, 3)} {digits(rng, 4)}"
        return pick(rng, (f"Tel. {number}", f"fon {number}", f"+{digits(rng, 2)} {number}", f"Fax {number}",
                          f"info@{invented_words(rng, 1).lower()}.example",
                          f"www.{invented_words(rng, 1).lower()}.example",
                          f"GLN: {digits(rng, 13)}", f"SIREN / SIRET : {digits(rng, 9)}",
                          f"Nr. {digits(rng, 6)}", invented_words(rng, 3)))  # fmt: skip

    def _stranger(self) -> Rows:
        """A party that is neither seller nor buyer, under a heading that says so."""
        rng, party = self.rng, self.other.view[pick(self.rng, ("seller", "buyer"))]
        heading = pick(rng, (self.source.labels["deliver_to"], self.source.labels["deliver_to"],
                             "Zahlungsempfänger", "Warenempfänger", "Ship to", "Payee", "Livraison",
                             "Bénéficiaire", "Remit to", "Consegna", "Entrega"))  # fmt: skip
        name = [[party["name"]]] if party["name"] else []
        return [[heading + self.hand.colon], *name, *([line] for line in party["lines"])]

    def _strangers(self) -> list[str]:
        """Rows that say nothing that is asked for."""
        rng = self.rng
        made: list[Callable[[], str]] = [
            lambda: invented_words(rng, 8),
            lambda: f"{invented_words(rng, 3)}: {invented_words(rng, 2)}",
            self._contact,
            lambda: "\t".join(invented_words(rng, 2) for _ in range(rng.randint(2, 4))),
        ]
        return [pick(rng, made)() for _ in range(rng.randint(1, 4))]

    # the lines

    def _table(self) -> Rows:
        rng, items = self.rng, self.data["line_items"]
        columns = [dict(column) for column in self.view["columns"]]
        order = list(range(len(columns)))
        if chance(rng, 0.15):
            rng.shuffle(order)
        keys = [columns[index]["key"] for index in order]
        headings = [labelled(rng, self.hand, columns[index]["heading"]) for index in order]
        unit = pick(rng, _UNITS) if "unit" not in keys and chance(rng, 0.15) else None
        spaced = chance(rng, 0.1)
        details = pick(rng, (0, 0, 0, 0.3, 0.8))
        wraps = pick(rng, (0, 0, 0.3, 0.7))
        way = weighted(rng, {"table": 16, "receipt": 1, "cards": 0.7, "below": 2})
        rows: Rows = (
            [] if chance(rng, 0.05) else stacked(rng, headings) if chance(rng, 0.25) else [headings]
        )
        for cells, item in zip(self.view["rows"], items, strict=True):
            found = {key: cells[index] for key, index in zip(keys, order, strict=True)}
            if unit and item["quantity"] and found.get("quantity"):
                found["quantity"] = f"{item['quantity']} {unit}"
            if (
                spaced
                and item["tax_rate"]
                and found.get("tax_rate", "").endswith("%")
                and " " not in item["tax_rate"]
            ):
                found["tax_rate"] = item["tax_rate"] = item["tax_rate"].replace("%", " %")
            rows += self._item(way, keys, headings, found, item, wraps, details)
        return rows

    def _item(
        self, way: str, keys: list[str], headings: list[str], found: dict[str, str], item: dict[str, Any],
        wraps: float, details: float,
    ) -> Rows:  # fmt: skip
        rng = self.rng
        parts = [part for row in found["description"].split("\n")
                 for part in (wrapped(rng, row, 2) if chance(rng, wraps) else [row])]  # fmt: skip
        item["description"] = "\n".join(parts)
        more = [self._detail()] if chance(rng, details) else []
        if way == "cards":
            return [row for key, heading in zip(keys, headings, strict=True) if found[key]
                    for row in (pair(rng, self.hand, heading, found[key]) if key != "description"
                                else [[f"{heading}{self.hand.colon} {parts[0]}"], *([part] for part in parts[1:])])]  # fmt: skip
        others = [found[key] for key in keys if key != "description"]
        if way == "receipt":
            return [*([part] for part in parts), others]
        if way == "below":  # what it is in rows of its own, numbers under it
            first = [found[key] for key in keys[: keys.index("description")]]
            return [[*first, parts[0]], *([part] for part in parts[1:]), *([line] for line in more),
                    [found[key] for key in keys[keys.index("description") + 1 :]]]  # fmt: skip
        at = rng.randrange(len(parts)) if chance(rng, 0.15) else 0
        rows: Rows = [[part] for part in parts]
        rows[at] = [parts[at] if key == "description" else found[key] for key in keys]
        return rows + [[line] for line in more]

    def _detail(self) -> str:
        """A row below a line that is no part of its description: a code, a date, a price of old."""
        rng = self.rng
        return pick(rng, (f"(GTIN) {digits(rng, 13)}", f"{digits(rng, 13)}", f"{pick(rng, 'ABKX')}{digits(rng, 6)}",
                          f"Bruttopreis : {digits(rng, 2)},{digits(rng, 4)}", f"# {digits(rng, 2)}",
                          f"GLN:{digits(rng, 9)}", f"Art-Nr {digits(rng, 5)}", f"* {invented_words(rng, 2)}: {digits(rng, 5)}"))  # fmt: skip

    # the sums and what follows

    def _totals(self) -> Rows:
        rng, summary = self.rng, self.data["financial_summary"]
        rows = [(row["label"], row["value"]) for row in self.view["totals"]]
        for key, name in (("allowance_total", "discount"), ("charge_total", "charges")):
            if summary[name] is None and rows and chance(rng, 0.05):
                zero = pick(rng, ("0,00", "0.00", "-0,00"))
                rows.insert(rng.randint(0, min(2, len(rows) - 1)), (self.source.labels[key], zero))
                summary[name] = zero
        if chance(rng, 0.08):
            rng.shuffle(rows)
        if chance(rng, 0.12) and 2 <= len(rows) <= 5:
            totals = grid(rng, self.hand, rows) if len(rows) > 3 else [
                [labelled(rng, self.hand, label) for label, _ in rows], [value for _, value in rows]]  # fmt: skip
        else:
            leader = pick(rng, ("", "", "", "", " ........", " ____"))
            totals = [
                row for label, value in rows for row in pair(rng, self.hand, label + leader, value)
            ]
        taxes = self._taxes()
        if taxes and chance(rng, 0.3):
            return beside(rng, taxes, totals)
        return taxes + totals if chance(rng, 0.6) else totals + taxes

    def _taxes(self) -> Rows:
        taxes = self.view["taxes"]
        if taxes is None:
            return []
        headings = [labelled(self.rng, self.hand, heading) for heading in taxes["headings"]]
        lead = pick(self.rng, ("", "", self.source.labels["tax_total"]))
        rows = [[lead, *row] for row in taxes["rows"]]
        return [*(stacked(self.rng, headings) if chance(self.rng, 0.3) else [headings]), *rows]

    def _below(self) -> Rows:
        rng, view = self.rng, self.view
        terms = view["terms"]
        blocks: list[Rows] = []
        if terms:
            label = terms["label"].rstrip(":")
            blocks.append(
                pair(rng, self.hand, label, terms["value"]) if label else [[terms["value"]]]
            )
        if view["account"]:
            blocks.append(self._pairs([(row["label"], row["value"]) for row in view["account"]]))
        blocks.append([[line] for line in view["notes"]])
        rng.shuffle(blocks)
        footer = list(view["footer"])
        seller = view["seller"]
        if seller["name"] and chance(rng, 0.3):
            footer.append(
                " ".join([seller["name"], pick(rng, ("-", "·", ",", "")), *seller["lines"]])
            )
        for _ in range(pick(rng, (0, 0, 1, 3))):
            footer.insert(rng.randint(0, len(footer)), self._contact())
        if chance(rng, 0.3) and len(footer) > 2:
            wide = rng.randint(2, 3)
            blocks.append([footer[start : start + wide] for start in range(0, len(footer), wide)])
        else:
            blocks.append([[line] for line in footer])
        return [row for block in blocks for row in block]

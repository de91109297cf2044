"""Seller, buyer and strangers of a text page."""

from __future__ import annotations

from typing import Any, Literal

from erniekit_finetuning.base.setting import Setting, contact
from erniekit_finetuning.base.text_rows import Rows, invented_words, labelled, pair
from synthetic_invoice_generator.chance import chance, digits, pick, weighted

_BLOCK = {"seller": "vendor_block", "buyer": "client_info"}
_JOINTS = (" - ", ", ", " · ", " | ", " • ", " – ", " ● ")
_NAME = ("Name", "Firma", "Nom", "Company", "Nombre", "Nome")
_ADDRESS = ("Anschrift", "Adresse", "Address", "Dirección", "Indirizzo")
_NUMBER = ("Nummer", "Globale Nummer", "Kundennummer", "ID", "Code", "Numéro", "No.", "GLN")
_SCHEMES = ("GLN", "DUNS", "DUN", "EAN", "ID")
_THIRD = (
    *("Zahlungsempfänger", "Warenempfänger", "Abweichender Warenempfänger", "Steuervertreter"),
    *("Ship to", "Payee", "Tax representative", "Deliver to", "Remit to", "Consignee"),
    *("Livraison", "Bénéficiaire", "Représentant fiscal", "Consegna", "Entrega", "Levering"),
)


def party(page: Setting, key: Literal["seller", "buyer"]) -> Rows:
    """A party as rows, as labelled rows, or all in one row, with what stands around it."""
    rng, view, said = page.rng, page.view[key], page.data[_BLOCK[key]]
    heading = view["heading"]
    if heading is None and key == "buyer" and chance(rng, 0.5):
        heading = page.labels[key]
    rows: Rows = [[labelled(rng, page.hand, heading) + page.hand.colon]] if heading else []
    rows += _name_and_address(page, view, said, line=1.5 if key == "seller" else 0.3)
    if view["vat"] and said["tax_id"]:
        rows += _vat_id(page, key, said["tax_id"])
    rows += [[row["text"]] for row in view["registers"]]
    rows += [[contact(rng)] for _ in range(pick(rng, (0, 0, 0, 1, 2)))]
    if view["return_line"]:
        rows.insert(0, [view["return_line"]])
    if view["also"]:
        rows += [[view["also"]["heading"]], *([line] for line in view["also"]["lines"])]
    return rows


def _vat_id(page: Setting, key: Literal["seller", "buyer"], value: str) -> Rows:
    """The party's VAT id: here, in a row with other numbers, or left to another place."""
    rng, own = page.rng, page.labels[f"{key}_vat_id"]
    label = page.labels["vat_id"]
    way = weighted(rng, {"here": 6, "joined": 0.7, "data": 0.8, "below": 2.5})
    if way == "data":
        page.among_data.append((own, value))
        return []
    if way == "below" and key == "seller":
        page.below.append((pick(rng, (label, label, own)), value))
        return []
    if way == "joined":
        joint, colon = pick(rng, _JOINTS), page.hand.colon or ":"
        numbers = [f"{labelled(rng, page.hand, label)}{colon} {value}", contact(rng), contact(rng)]
        rng.shuffle(numbers)
        return [[joint.join(numbers)]]
    return pair(rng, page.hand, label, value)


def stranger(page: Setting) -> Rows:
    """A party that is neither seller nor buyer, under a heading that says so."""
    rng = page.rng
    view = page.other.view[pick(rng, ("seller", "buyer"))]
    heading = pick(rng, (page.labels["deliver_to"], pick(rng, _THIRD)))
    rows = [[heading + page.hand.colon], *_name_and_address(page, view, {}, line=0.3)]
    if view["vat"] and chance(rng, 0.4):
        rows.append([view["vat"]])
    return rows


def _name_and_address(page: Setting, view: Any, said: dict[str, Any], line: float) -> Rows:
    rng, name, lines = page.rng, view["name"], list(view["lines"])
    way = weighted(rng, {"rows": 12, "named": 3, "line": line}) if name else "rows"
    if way == "line":
        joint = pick(rng, _JOINTS)
        said["address"] = joint.join(lines) or None
        return [[joint.join([name, *lines])]]
    if way == "named":
        rows: Rows = []
        for _ in range(pick(rng, (0, 0, 1, 2))):
            scheme = pick(rng, ("", "", f" ({pick(rng, _SCHEMES)})"))
            number = digits(rng, rng.randint(5, 13)) + scheme
            rows += pair(rng, page.hand, pick(rng, _NUMBER), number)
        rows += pair(rng, page.hand, pick(rng, _NAME), name)
        rows += pair(rng, page.hand, pick(rng, _ADDRESS), lines[0]) if lines else []
        return rows + [[one] for one in lines[1:]]
    rows = [[one] for one in [name, *lines] if one]
    if chance(rng, 0.06):  # viewers print numbers above the name
        rows = pair(rng, page.hand, pick(rng, _NUMBER), digits(rng, rng.randint(4, 13))) + rows
    elif chance(rng, 0.06):  # a mark, a department, or the day of the letter, as stationery has it
        day = page.other.data["client_info"]["invoice_date"]
        rows.insert(
            0, [pick(rng, (f"LOGO {invented_words(rng, 1)}", invented_words(rng, 2), day or ""))]
        )
    return rows

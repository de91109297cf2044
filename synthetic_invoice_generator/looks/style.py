"""How an invoice is drawn: the family of layout, its wordings and its look."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Literal, get_args

from synthetic_invoice_generator.chance import chance, pick, weighted
from synthetic_invoice_generator.locale import LABEL_KEYS, LabelKey, Locale, Paper, Wording
from synthetic_invoice_generator.looks.extras import Extras, draw_extras
from synthetic_invoice_generator.looks.fonts import Face, Kind, at_hand, faces
from synthetic_invoice_generator.looks.marks import Marks, draw_marks
from synthetic_invoice_generator.scenario.scene import Scene
from synthetic_invoice_generator.settings import DocumentType, Shares

Family = Literal[
    "classic", "modern", "compact", "ledger", "letter", "sidebar", "banner", "minimal",
    "statement", "spreadsheet", "trio", "report", "dots", "stub", "cards", "chamber",
    "handwritten", "roll",
]  # fmt: skip
FAMILIES: tuple[Family, ...] = get_args(Family)
FOR_RECEIPTS: tuple[Family, ...] = ("roll",)  # these draw nothing else

# Kinds of face by family, with weights, where they are not the usual ones.
_USUAL_FACES: dict[Kind, float] = {"sans": 6, "serif": 4, "mono": 1}
_FACES: dict[Family, dict[Kind, float]] = {
    "compact": {"mono": 4, "sans": 3, "serif": 3},
    "ledger": {"sans": 5, "serif": 3, "mono": 2},
    "minimal": {"sans": 8, "serif": 2},
    "dots": {"mono": 1},
    "chamber": {"serif": 1},
    "roll": {"mono": 3, "sans": 1},
}
_USUAL_SIZES = (9.0, 11.0)
_SIZES: dict[Family, tuple[float, float]] = {
    "compact": (7.5, 9.5),
    "ledger": (8, 10),
    "report": (8, 10),
    "spreadsheet": (8, 10),
    "sidebar": (8.5, 10),
    "roll": (7.5, 9),
}
_COLUMN_ORDERS: tuple[tuple[LabelKey, ...], ...] = (
    ("description", "quantity", "unit", "unit_price", "discount_rate", "tax_rate", "net_amount"),
    ("description", "quantity", "unit", "unit_price", "tax_rate", "discount_rate", "net_amount"),
    ("quantity", "unit", "description", "unit_price", "discount_rate", "tax_rate", "net_amount"),
    ("description", "unit_price", "quantity", "unit", "discount_rate", "tax_rate", "net_amount"),
    ("description", "tax_rate", "quantity", "unit", "unit_price", "discount_rate", "net_amount"),
    ("quantity", "unit", "description", "tax_rate", "unit_price", "discount_rate", "net_amount"),
)
_TITLES: dict[DocumentType, LabelKey] = {
    "invoice": "title",
    "credit_note": "title_credit_note",
    "proforma": "title_proforma",
    "receipt": "title_receipt",
    "prepayment": "title_prepayment",
    "partial": "title_partial",
}
# Families whose tables gain from a wide page: some of their documents lie on their side.
_WIDE: tuple[Family, ...] = ("compact", "ledger", "minimal", "report", "spreadsheet")
_LOGOS = 6  # shapes that the layouts can draw
# Mono letters are 0.6 em wide against 0.5: the same data needs a smaller size.
_MONO_SCALE = 0.82
_SMALL_PAPER = 0.78  # and so do sheets of half the size


@dataclass(frozen=True)
class Style:
    """One drawing of one invoice. Sizes are points, margins millimetres, `accent` is "#rrggbb".

    `label_position` says where labels stand in the block of invoice data; `arrangement` picks one
    of a family's variants; `currency_place` is where the currency is said when no amount says it,
    `register_place` where the seller's numbers of tax office and register stand. `tax_table`: taxes
    stand in a table of their own, before or after the totals. `hand` is the face of handwriting.
    """

    family: Family
    paper: Paper
    landscape: bool
    labels: Mapping[LabelKey, str]
    columns: tuple[LabelKey, ...]
    label_position: Literal["inline", "left", "above"]
    colon: str
    meta_order: tuple[LabelKey, ...]
    arrangement: int
    swapped: bool
    totals_side: Literal["left", "right"]
    totals_at_foot: bool
    tax_table: bool
    tax_table_first: bool
    rules: Literal["none", "rows", "grid", "head"]
    zebra: bool
    face: Face
    hand: Face
    size: float
    margin: int
    gap: float
    accent: str
    bold_labels: bool
    centred_numbers: bool
    seller_heading: bool
    buyer_heading: bool
    title: LabelKey
    tax_parts: tuple[str, ...]
    tax_included: bool
    withholding_rate: str
    title_with_number: bool
    vat_place: Literal["block", "meta"]
    register_place: Literal["block", "footer", "meta"]
    terms_place: Literal["meta", "below"]
    currency_place: Literal["meta", "note", "heading"]
    return_line: bool
    logo: int | None
    extras: Extras
    marks: Marks


def draw_style(
    rng: Random,
    scene: Scene,
    *,
    family: Family,
    shares: Shares,
    paper: Paper | None = None,
    wording: Wording = "common",
) -> Style:
    """A style of `family`; the paper is the locale's own when None."""
    locale = scene.locale
    face = at_hand(pick(rng, faces([_kind_of_face(rng, family, locale)])))
    drawn_paper = weighted(rng, locale.paper)
    sheet = drawn_paper if paper is None else paper
    low, high = _SIZES.get(family, _USUAL_SIZES)
    size = rng.uniform(low, high) * (_MONO_SCALE if face.kind == "mono" else 1)
    size *= _SMALL_PAPER if sheet == "a5" else 1
    roll = family == "roll"  # it has no headings
    # A letterhead says who sells; elsewhere a heading must tell the parties apart.
    seller_heading = chance(rng, 0.4)
    buyer_heading = chance(rng, 0.85) or (family != "classic" and not seller_heading)
    order: list[LabelKey] = ["number", "issue_date", "due_date", "delivery_date"]
    if chance(rng, 0.3):
        rng.shuffle(order)
    landscape = family in _WIDE and chance(rng, 0.12)
    return Style(
        family=family,
        paper=sheet,
        landscape=landscape,
        labels=_labels(rng, locale, wording),
        columns=pick(rng, _COLUMN_ORDERS),
        label_position=pick(rng, ("inline", "left", "left", "above")),
        colon=weighted(rng, {locale.colon: 7, "": 3}),
        meta_order=tuple(order),
        arrangement=rng.randrange(3),
        swapped=chance(rng, 0.35),
        totals_side=weighted(rng, {"right": 8, "left": 2}),
        totals_at_foot=chance(rng, 0.08),
        tax_table=chance(rng, shares.tax_table),
        tax_table_first=chance(rng, 0.6),
        rules=pick(rng, ("none", "rows", "grid", "head", "head")),
        zebra=chance(rng, 0.25),
        face=face,
        hand=at_hand(pick(rng, faces(["hand"]))) if locale.script == "latin" else face,
        size=round(size, 1),
        margin=rng.randint(9, 13) if sheet == "a5" else rng.randint(12, 24),
        gap=round(rng.uniform(0.45, 0.8), 2),
        accent=_accent(rng),
        bold_labels=chance(rng, 0.4),
        centred_numbers=chance(rng, 0.12),
        seller_heading=seller_heading,
        buyer_heading=buyer_heading,
        tax_parts=locale.tax_parts if scene.deal.terms.parts > 1 else (),
        tax_included=scene.deal.terms.include_tax,
        withholding_rate=scene.forms.tax_percent(scene.deal.terms.withholding_rate).printed,
        title=_TITLES[scene.deal.document],
        title_with_number=chance(rng, 0.1),
        vat_place=weighted(rng, {"block": 7, "meta": 3}),
        register_place=weighted(rng, {"footer": 5, "block": 4, "meta": 1}),
        terms_place=weighted(rng, {"below": 6, "meta": 4}),
        currency_place=weighted(rng, {"meta": 6, "note": 2, "heading": 0 if roll else 2}),
        return_line=locale.language == "de" and chance(rng, 0.4),
        logo=rng.randrange(_LOGOS) if chance(rng, 0.6) else None,
        extras=draw_extras(rng, scene, shares, sheet == "a5" or landscape),
        marks=draw_marks(rng, scene, shares),
    )


def _kind_of_face(rng: Random, family: Family, locale: Locale) -> Kind:
    drawn = weighted(rng, _FACES.get(family, _USUAL_FACES))
    return drawn if locale.script == "latin" else locale.script


def _labels(rng: Random, locale: Locale, wording: Wording) -> dict[LabelKey, str]:
    """One wording a label; now and then all in capitals, as some systems print them."""
    upper = chance(rng, 0.08)
    chosen = {key: pick(rng, locale.wordings(key, wording)) for key in LABEL_KEYS}
    if upper:
        # Templates keep their {rate}, {taxable} and {currency}.
        chosen = {key: text if "{" in text else text.upper() for key, text in chosen.items()}
    return chosen


def _accent(rng: Random) -> str:
    """A colour dark enough for text on white; now and then black."""
    if chance(rng, 0.2):
        return "#000000"
    # Yellow and green look lighter than blue and red at the same lightness.
    hue = rng.random()
    light = rng.uniform(0.15, 0.25) if 0.1 < hue < 0.5 else rng.uniform(0.18, 0.38)
    shade = colorsys.hls_to_rgb(hue, light, rng.uniform(0.25, 0.85))
    return "#" + "".join(f"{round(part * 255):02x}" for part in shade)

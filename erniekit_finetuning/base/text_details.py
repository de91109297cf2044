"""What stands among the lines of a text page and is no line: codes, prices, discounts, parts."""

from __future__ import annotations

from erniekit_finetuning.base.setting import Setting
from erniekit_finetuning.base.text_rows import Rows, invented_words
from synthetic_invoice_generator.chance import chance, digits, pick

UNITS = ("Stk", "Stk.", "pcs", "h", "Unit(s)", "PCE", "u.", "kg", "EA", "St", "pz", "szt.", "un")
_PRICE_BASES = ("Basismenge", "Preisbasis", "Price base", "Base", "Base de prix", "Per")
_DISCOUNT = (
    "Rabatt",
    "Abschlag",
    "Discount",
    "Allowance",
    "Remise",
    "Sconto",
    "Descuento",
    "Korting",
)


def details(page: Setting) -> Rows:
    """One to three rows below a line that are no part of its description, or a list of more."""
    rng = page.rng
    if chance(rng, 0.12):
        return _discounts(page)
    if chance(rng, 0.06):
        return _parts(page)
    return [_detail(page) for _ in range(rng.randint(1, 3))]


def discounts_of_all(page: Setting) -> Rows:
    """Discounts on the whole document, before its sums."""
    rng = page.rng
    return [_discount(page) for _ in range(rng.randint(1, 4))]


def _discounts(page: Setting) -> Rows:
    """A table of discounts within the table of lines."""
    rng = page.rng
    head = [invented_words(rng, 1) for _ in range(rng.randint(2, 5))]
    rows = [[invented_words(rng, 4)], head] if chance(rng, 0.7) else []
    return rows + [_discount(page) for _ in range(rng.randint(1, 3))]


def _discount(page: Setting) -> list[str]:
    """Reason, share, base and amount, in cells or all in one."""
    rng = page.rng
    share, base = rng.randint(1, 30), f"{digits(rng, rng.randint(2, 4))},{digits(rng, 2)}"
    amount = f"{pick(rng, ('-', '-', '- ', ''))}{digits(rng, rng.randint(1, 2))},{digits(rng, 2)}"
    word = pick(
        rng, (page.labels["discount_rate"], page.labels["allowance_total"], pick(rng, _DISCOUNT))
    )
    reason = f"{word} {pick(rng, (invented_words(rng, 2), str(rng.randint(1, 3))))}"
    if chance(rng, 0.25):
        said = f"{page.labels['taxable']}: {base}, {page.labels['tax_rate']} {share} %, {word}:"
        return [f"{reason}:", said, amount]
    cells = [f"{share} %", base]
    return [reason, *(cell for cell in cells if chance(rng, 0.5)), amount]


def _parts(page: Setting) -> Rows:
    """What a line consists of: numbers, names and counts without a price."""
    rng = page.rng
    rows: Rows = [[f"{invented_words(rng, 2)}:"]]
    for _ in range(rng.randint(1, 4)):
        cells = [digits(rng, rng.randint(4, 13)), invented_words(rng, 3)]
        if chance(rng, 0.7):
            cells.append(f"{rng.randint(1, 99)} {pick(rng, UNITS)}")
        if chance(rng, 0.4):
            cells.append(f"{rng.randint(1, 25)} %")
        rows.append(cells)
    return rows


def _detail(page: Setting) -> list[str]:
    """A row below a line that is no part of its description: a code, an old price, a discount."""
    rng = page.rng
    if chance(rng, 0.2):
        return _discount(page)
    row = pick(
        rng,
        (
            f"(GTIN) {digits(rng, 13)}",
            digits(rng, 13),
            f"{pick(rng, 'ABKX')}{digits(rng, 6)}",
            f"Bruttopreis : {digits(rng, 2)},{digits(rng, 4)}",
            f"# {digits(rng, 2)}",
            f"{pick(rng, _PRICE_BASES)}: 1 {pick(rng, UNITS)}",
            f"({digits(rng, 4)})",
            f"GLN:{digits(rng, 9)}",
            f"Art-Nr {digits(rng, 5)}",
            f"* {invented_words(rng, 2)}: {digits(rng, 5)}",
        ),
    )
    return [row]

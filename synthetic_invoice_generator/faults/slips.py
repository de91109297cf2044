"""Wrong results in the sums, which every later amount of the page follows."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from random import Random

from synthetic_invoice_generator.chance import pick
from synthetic_invoice_generator.faults.kinds import Change, FaultKind, Maker, leaf
from synthetic_invoice_generator.scenario.amounts import Slip, Step
from synthetic_invoice_generator.scenario.scene import Scene, invoice_of
from synthetic_invoice_generator.scenario.shown import Shown


def misread(rng: Random, amount: Decimal, unit: Decimal) -> Decimal:
    """`amount` with two neighbouring digits swapped or one digit changed, never the same."""
    digits = list(str(int(abs(amount) / unit)))
    swaps = [at for at in range(len(digits) - 1) if digits[at] != digits[at + 1]]
    if swaps and rng.random() < 0.5:
        at = pick(rng, swaps)
        digits[at], digits[at + 1] = digits[at + 1], digits[at]
    else:
        at = rng.randrange(len(digits))
        digits[at] = pick(rng, [digit for digit in "123456789" if digit != digits[at]])
    return (int("".join(digits)) * unit).copy_sign(amount)


def says_taxable(scene: Scene) -> bool:
    """Whether the page can print the amount that a tax is taken from."""
    return scene.deal.taxed and not scene.deal.terms.include_tax


def printing(scene: Scene, **columns: bool) -> Scene:
    """The scene with these columns and rows on the page, or without them."""
    shown: Shown = replace(scene.shown, **columns)
    return replace(scene, shown=shown)


def _slip(step: Step, rule: str, field: str, **columns: bool) -> Maker:
    """A wrong result at `step`; `columns` must be printed for the rule to see it."""

    def make(rng: Random, scene: Scene) -> Change | None:
        if columns.get("taxable") and not says_taxable(scene):
            return None
        scene = printing(scene, **columns)
        right = leaf(invoice_of(scene), field)
        if right is None or not right.value:
            return None
        by = misread(rng, right.value, scene.deal.terms.unit) - right.value
        return Change(scene, invoice_of(scene, Slip(step, by)), rule, field, right)

    return make


SLIPS: dict[FaultKind, Maker] = {
    FaultKind.LINE_SUM: _slip(Step.LINE_TOTAL, "BR-CO-10", "totals.line_total", line_total=True),
    FaultKind.NET: _slip(
        Step.TAX_EXCLUSIVE, "BR-CO-13", "totals.tax_exclusive", line_total=True, tax_exclusive=True
    ),
    FaultKind.TAX: _slip(
        Step.TAX, "TAX-RATE", "tax_breakdown[0].tax", breakdown=True, taxable=True
    ),
    FaultKind.TAX_SUM: _slip(
        Step.TAX_TOTAL, "BR-CO-14", "totals.tax_total", breakdown=True, tax_total=True
    ),
    FaultKind.TOTAL: _slip(
        Step.TAX_INCLUSIVE, "BR-CO-15", "totals.tax_inclusive",
        tax_exclusive=True, tax_total=True, tax_inclusive=True,
    ),
    FaultKind.PAYABLE: _slip(
        Step.PAYABLE, "BR-CO-16", "totals.payable", tax_inclusive=True, payable=True
    ),
}  # fmt: skip

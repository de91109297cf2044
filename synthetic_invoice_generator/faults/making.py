"""Errors on purpose: each breaks exactly one rule, on the page and in the truth alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from random import Random
from typing import Any, NamedTuple

from erniekit_finetuning.invoice.amounts import currency_codes
from erniekit_finetuning.invoice.model import Invoice, Printed
from erniekit_finetuning.invoice.rules import Status, check
from erniekit_finetuning.invoice.walk import leaves
from synthetic_invoice_generator.chance import pick
from synthetic_invoice_generator.scenario.amounts import Slip, Step
from synthetic_invoice_generator.scenario.scene import Scene, invoice_of
from synthetic_invoice_generator.scenario.shown import Shown
from synthetic_invoice_generator.scenario.words import verbatim


class FaultKind(StrEnum):
    """What is wrong."""

    LINE_PRODUCT = "line_product"
    LINE_SUM = "line_sum"
    NET = "net"
    TAX = "tax"
    TAX_SUM = "tax_sum"
    TOTAL = "total"
    PAYABLE = "payable"
    RATE = "rate"
    DUPLICATE_LINE = "duplicate_line"
    DATE_ORDER = "date_order"
    CHECKSUM = "checksum"
    MISSING_FIELD = "missing_field"
    CURRENCY = "currency"


@dataclass(frozen=True)
class Fault:
    """One error: the rule that must fail, the field, and its right and its printed value.

    `right` is None where nothing should stand, `printed` None where something is missing.
    """

    kind: FaultKind
    rule: str
    field: str
    right: str | None
    printed: str | None


class Wrong(NamedTuple):
    """A document with its error."""

    scene: Scene
    invoice: Invoice
    fault: Fault


Maker = Callable[[Random, Scene], Wrong | None]


def with_fault(rng: Random, scene: Scene, kind: FaultKind) -> Wrong | None:
    """The scene with an error of `kind`; None when this document cannot have exactly that one."""
    wrong = _MAKERS[kind](rng, scene)
    if wrong is None:
        return None
    bad = (Status.FAIL, Status.AMBIGUOUS)
    broken = {finding.rule for finding in check(wrong.invoice) if finding.status in bad}
    return wrong if broken == {wrong.fault.rule} else None


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


def _says_taxable(scene: Scene) -> bool:
    """Whether the page can print the amount that a tax is taken from."""
    return scene.deal.taxed and not scene.deal.terms.include_tax


def _shown(scene: Scene, **columns: bool) -> Scene:
    shown: Shown = replace(scene.shown, **columns)
    return replace(scene, shown=shown)


def _slipped(kind: FaultKind, step: Step, rule: str, field: str, **columns: bool) -> Maker:
    """A wrong result in the sums, which every later amount follows; `columns` must be printed."""

    def make(rng: Random, scene: Scene) -> Wrong | None:
        if columns.get("taxable") and not _says_taxable(scene):
            return None
        scene = _shown(scene, **columns)
        right = _leaf(invoice_of(scene), field)
        if right is None or not right.value:
            return None
        by = misread(rng, right.value, scene.deal.terms.unit) - right.value
        invoice = invoice_of(scene, Slip(step, by))
        return _wrong(scene, invoice, kind, rule, field, right)

    return make


def _wrong(
    scene: Scene,
    invoice: Invoice,
    kind: FaultKind,
    rule: str,
    field: str,
    right: Printed[Any] | None,
) -> Wrong:
    found = _leaf(invoice, field)
    return Wrong(
        scene,
        invoice,
        Fault(kind, rule, field, _print(right), _print(found)),
    )


def _line_product(rng: Random, scene: Scene) -> Wrong | None:
    scene = _shown(scene, quantity=True, price=True)
    items = list(scene.deal.items)
    at = rng.randrange(len(items))
    unit = scene.deal.terms.unit
    net = misread(rng, items[at].net, unit)
    right = invoice_of(scene).lines[at].net_amount
    items[at] = replace(items[at], net=net)
    scene = replace(scene, deal=replace(scene.deal, items=tuple(items)))
    field = f"lines[{at}].net_amount"
    return _wrong(scene, invoice_of(scene), FaultKind.LINE_PRODUCT, "LINE-NET", field, right)


def _rate(rng: Random, scene: Scene) -> Wrong | None:
    if not _says_taxable(scene):
        return None
    scene = _shown(scene, breakdown=True, taxable=True)
    right = invoice_of(scene)
    others = [
        Decimal(rate)
        for rate in scene.locale.tax_rates
        if all(Decimal(rate) != item.rate for item in scene.deal.items)
    ]
    if not others:
        return None
    first = right.tax_breakdown[0]
    rate = scene.forms.tax_percent(pick(rng, others) / scene.deal.terms.parts)
    rows = (first.model_copy(update={"rate": rate}), *right.tax_breakdown[1:])
    invoice = right.model_copy(update={"tax_breakdown": rows})
    field = "tax_breakdown[0].rate"
    return _wrong(scene, invoice, FaultKind.RATE, "TAX-RATE", field, first.rate)


def _duplicate_line(rng: Random, scene: Scene) -> Wrong | None:
    items = list(scene.deal.items)
    at = rng.randrange(len(items))
    items.insert(at + 1, items[at])
    scene = replace(scene, deal=replace(scene.deal, items=tuple(items)))
    field = f"lines[{at + 1}].description"
    invoice = invoice_of(scene)
    return _wrong(scene, invoice, FaultKind.DUPLICATE_LINE, "DUPLICATE-LINES", field, None)


def _date_order(rng: Random, scene: Scene) -> Wrong | None:
    scene = _shown(scene, due_date=True)
    right = invoice_of(scene).due_date
    scene = replace(scene, deal=replace(scene.deal, days_to_pay=-rng.randint(1, 40)))
    return _wrong(scene, invoice_of(scene), FaultKind.DATE_ORDER, "DATE-ORDER", "due_date", right)


def _checksum(rng: Random, scene: Scene) -> Wrong | None:
    invoice = invoice_of(scene)
    there = [(path, rule) for path, rule in _CHECKED.items() if _leaf(invoice, path) is not None]
    if not there:
        return None
    field, rule = pick(rng, there)
    right = _leaf(invoice, field)
    assert right is not None
    places = [at for at, letter in enumerate(right.printed) if letter.isdigit()]
    at = pick(rng, places)
    digit = pick(rng, [digit for digit in "0123456789" if digit != right.printed[at]])
    printed = right.printed[:at] + digit + right.printed[at + 1 :]
    invoice = _replaced(invoice, field, Printed(printed=printed, value=printed.replace(" ", "")))
    return _wrong(scene, invoice, FaultKind.CHECKSUM, rule, field, right)


_CHECKED = {
    "seller.vat_id": "VAT-ID",
    "buyer.vat_id": "VAT-ID",
    "accounts[0].iban": "IBAN",
    "lines[0].gtin": "GTIN",
}


def _missing_field(rng: Random, scene: Scene) -> Wrong | None:
    field = pick(rng, ("number", "issue_date"))
    invoice = invoice_of(scene)
    without = invoice.model_copy(update={field: None})
    right = _leaf(invoice, field)
    return _wrong(scene, without, FaultKind.MISSING_FIELD, "REQUIRED", field, right)


def _currency(rng: Random, scene: Scene) -> Wrong | None:
    right = invoice_of(scene)
    totals = right.totals
    printed = totals.payable or totals.tax_inclusive
    said = currency_codes(printed.printed) if printed else ()
    others = [code for code in ("EUR", "USD", "GBP", "CHF") if code not in said]
    if not said or right.currency is None or right.tax_currency is not None:
        return None
    invoice = right.model_copy(update={"currency": verbatim(pick(rng, others))})
    return _wrong(scene, invoice, FaultKind.CURRENCY, "CURRENCY", "currency", right.currency)


def _print(value: Printed[Any] | None) -> str | None:
    return None if value is None else value.printed


def _leaf(invoice: Invoice, path: str) -> Printed[Any] | None:
    return next((value for name, value in leaves(invoice) if name == path), None)


def _replaced(invoice: Invoice, path: str, value: Printed[Any]) -> Invoice:
    """A copy with another value at `path`, which has at most one index: `lines[0].gtin`."""
    outer, _, name = path.partition(".")
    field, _, index = outer.partition("[")
    part: Any = getattr(invoice, field)
    if not index:
        return invoice.model_copy(update={field: part.model_copy(update={name: value})})
    at = int(index[:-1])
    changed = part[at].model_copy(update={name: value})
    return invoice.model_copy(update={field: (*part[:at], changed, *part[at + 1 :])})


_MAKERS: dict[FaultKind, Maker] = {
    FaultKind.LINE_PRODUCT: _line_product,
    FaultKind.LINE_SUM: _slipped(
        FaultKind.LINE_SUM, Step.LINE_TOTAL, "BR-CO-10", "totals.line_total", line_total=True
    ),
    FaultKind.NET: _slipped(
        FaultKind.NET,
        Step.TAX_EXCLUSIVE,
        "BR-CO-13",
        "totals.tax_exclusive",
        line_total=True,
        tax_exclusive=True,
    ),
    FaultKind.TAX: _slipped(
        FaultKind.TAX, Step.TAX, "TAX-RATE", "tax_breakdown[0].tax", breakdown=True, taxable=True
    ),
    FaultKind.TAX_SUM: _slipped(
        FaultKind.TAX_SUM,
        Step.TAX_TOTAL,
        "BR-CO-14",
        "totals.tax_total",
        breakdown=True,
        tax_total=True,
    ),
    FaultKind.TOTAL: _slipped(
        FaultKind.TOTAL,
        Step.TAX_INCLUSIVE,
        "BR-CO-15",
        "totals.tax_inclusive",
        tax_exclusive=True,
        tax_total=True,
        tax_inclusive=True,
    ),
    FaultKind.PAYABLE: _slipped(
        FaultKind.PAYABLE,
        Step.PAYABLE,
        "BR-CO-16",
        "totals.payable",
        tax_inclusive=True,
        payable=True,
    ),
    FaultKind.RATE: _rate,
    FaultKind.DUPLICATE_LINE: _duplicate_line,
    FaultKind.DATE_ORDER: _date_order,
    FaultKind.CHECKSUM: _checksum,
    FaultKind.MISSING_FIELD: _missing_field,
    FaultKind.CURRENCY: _currency,
}

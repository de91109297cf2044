"""Errors other than in the sums: in a line, a rate, a date, an identifier, a currency."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

from erniekit_finetuning.invoice.amounts import currency_codes
from erniekit_finetuning.invoice.model import Invoice, Printed
from synthetic_invoice_generator.chance import pick
from synthetic_invoice_generator.faults.kinds import Change, FaultKind, Maker, leaf
from synthetic_invoice_generator.faults.slips import misread, printing, says_taxable
from synthetic_invoice_generator.scenario.items import Item
from synthetic_invoice_generator.scenario.scene import Scene, invoice_of
from synthetic_invoice_generator.scenario.words import verbatim

# Fields with a check digit, and the rule that looks at it.
_CHECKED = {
    "seller.vat_id": "VAT-ID",
    "buyer.vat_id": "VAT-ID",
    "accounts[0].iban": "IBAN",
    "lines[0].gtin": "GTIN",
}


def _line_product(rng: Random, scene: Scene) -> Change | None:
    scene = printing(scene, quantity=True, price=True)
    items = list(scene.deal.items)
    at = rng.randrange(len(items))
    right = invoice_of(scene).lines[at].net_amount
    items[at] = replace(items[at], net=misread(rng, items[at].net, scene.deal.terms.unit))
    scene = _with_items(scene, items)
    return Change(scene, invoice_of(scene), "LINE-NET", f"lines[{at}].net_amount", right)


def _duplicate_line(rng: Random, scene: Scene) -> Change | None:
    items = list(scene.deal.items)
    at = rng.randrange(len(items))
    items.insert(at + 1, items[at])
    scene = _with_items(scene, items)
    field = f"lines[{at + 1}].description"
    return Change(scene, invoice_of(scene), "DUPLICATE-LINES", field, None)


def _rate(rng: Random, scene: Scene) -> Change | None:
    if not says_taxable(scene):
        return None
    scene = printing(scene, breakdown=True, taxable=True)
    right = invoice_of(scene)
    charged = {item.rate for item in scene.deal.items}
    others = [rate for rate in map(Decimal, scene.locale.tax_rates) if rate not in charged]
    if not others:
        return None
    first = right.tax_breakdown[0]
    rate = scene.forms.tax_percent(pick(rng, others) / scene.deal.terms.parts)
    rows = (first.model_copy(update={"rate": rate}), *right.tax_breakdown[1:])
    invoice = right.model_copy(update={"tax_breakdown": rows})
    return Change(scene, invoice, "TAX-RATE", "tax_breakdown[0].rate", first.rate)


def _date_order(rng: Random, scene: Scene) -> Change | None:
    scene = printing(scene, due_date=True)
    right = invoice_of(scene).due_date
    scene = replace(scene, deal=replace(scene.deal, days_to_pay=-rng.randint(1, 40)))
    return Change(scene, invoice_of(scene), "DATE-ORDER", "due_date", right)


def _checksum(rng: Random, scene: Scene) -> Change | None:
    invoice = invoice_of(scene)
    there = [path for path in _CHECKED if leaf(invoice, path) is not None]
    if not there:
        return None
    field = pick(rng, there)
    right = leaf(invoice, field)
    assert right is not None
    at = pick(rng, [at for at, letter in enumerate(right.printed) if letter.isdigit()])
    digit = pick(rng, [digit for digit in "0123456789" if digit != right.printed[at]])
    printed = right.printed[:at] + digit + right.printed[at + 1 :]
    invoice = _replaced(invoice, field, Printed(printed=printed, value=printed.replace(" ", "")))
    return Change(scene, invoice, _CHECKED[field], field, right)


def _missing_field(rng: Random, scene: Scene) -> Change | None:
    field = pick(rng, ("number", "issue_date"))
    right = invoice_of(scene)
    without = right.model_copy(update={field: None})
    return Change(scene, without, "REQUIRED", field, leaf(right, field))


def _currency(rng: Random, scene: Scene) -> Change | None:
    right = invoice_of(scene)
    printed = right.totals.payable or right.totals.tax_inclusive
    said = currency_codes(printed.printed) if printed else ()
    others = [code for code in ("EUR", "USD", "GBP", "CHF") if code not in said]
    if not said or right.currency is None or right.tax_currency is not None:
        return None
    invoice = right.model_copy(update={"currency": verbatim(pick(rng, others))})
    return Change(scene, invoice, "CURRENCY", "currency", right.currency)


def _with_items(scene: Scene, items: list[Item]) -> Scene:
    return replace(scene, deal=replace(scene.deal, items=tuple(items)))


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


CHANGES: dict[FaultKind, Maker] = {
    FaultKind.LINE_PRODUCT: _line_product,
    FaultKind.DUPLICATE_LINE: _duplicate_line,
    FaultKind.RATE: _rate,
    FaultKind.DATE_ORDER: _date_order,
    FaultKind.CHECKSUM: _checksum,
    FaultKind.MISSING_FIELD: _missing_field,
    FaultKind.CURRENCY: _currency,
}

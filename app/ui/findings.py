"""What speaks against a reading, in words, with the fields of the form that it concerns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from erniekit_finetuning.confidence.fields import answer_paths
from erniekit_finetuning.invoice import rules
from erniekit_finetuning.invoice.model import Invoice
from erniekit_finetuning.invoice.shapes import read_invoice

OUTER = "structured_data."
# What the amounts of a rule are: what is computed, and the print that says otherwise.
_SAID = {
    "BR-CO-10": "the lines add up to {expected}, the line total says {found}",
    "BR-CO-13": "line total, discounts and charges give {expected}, "
    "the total without tax says {found}",
    "BR-CO-14": "the taxes add up to {expected}, the tax says {found}",
    "BR-CO-15": "the amount before tax and the tax add up to {expected}, "
    "the total with tax says {found}",
    "BR-CO-16": "the total with tax less what is prepaid is {expected}, the payable says {found}",
    "LINE-NET": "quantity times unit price is {expected}, the net amount says {found}",
    "TAX-RATE": "by the tax rate the tax is {expected}, the tax says {found}",
}
_NEEDED = {
    "number": "invoice number",
    "issue_date": "issue date",
    "seller.name": "name of the seller",
    "lines": "lines",
    "totals.payable": "payable",
}
_DOUBTFUL = (rules.Status.FAIL, rules.Status.AMBIGUOUS)


@dataclass(frozen=True)
class Flag:
    """A sentence, and the paths of the form's fields that it is about."""

    text: str
    fields: tuple[str, ...]


def flags(answer: Mapping[str, Any]) -> list[Flag]:
    """Every rule that an answer of our shape breaks, or that cannot be decided."""
    invoice = read_invoice({"structured_data": answer}).invoice
    return [
        Flag(_sentence(one), form_fields(one.fields, invoice))
        for one in rules.check(invoice)
        if one.status in _DOUBTFUL
    ]


def form_fields(fields: Iterable[str], invoice: Invoice) -> tuple[str, ...]:
    """Paths in an invoice as paths in the form; `lines` are the net amounts of all of them."""
    found: list[str] = []
    for field in fields:
        each = [field]
        if field == "lines":
            each = [f"lines[{index}].net_amount" for index in range(len(invoice.lines))]
        elif field.endswith("]"):
            each = [f"{field}.description"]
        found += [path.removeprefix(OUTER) for one in each for path in answer_paths(one)[:1]]
    return tuple(found)


def _sentence(finding: rules.Finding) -> str:
    template = _SAID.get(finding.rule)
    if template and finding.expected is not None and finding.found is not None:
        amounts = {"expected": _amount(finding.expected), "found": _amount(finding.found)}
        text = template.format(**amounts)
    elif finding.rule == "REQUIRED":
        text = f"missing: {', '.join(_NEEDED[field] for field in finding.fields)}"
    elif finding.status is rules.Status.AMBIGUOUS:
        text = finding.message
    else:
        text = finding.message.removeprefix(f"{rules.BY_ID[finding.rule].text}: ")
        if finding.rule == "DATE-ORDER":
            text = text.replace("_", " ")
    text = _line(finding.fields) + text
    return text[:1].upper() + text[1:]


def _line(fields: Sequence[str]) -> str:
    """The line that a finding is about, where it is about one alone."""
    owners = {field.partition(".")[0] for field in fields}
    owner = owners.pop() if len(owners) == 1 else ""
    return f"line {int(owner[6:-1]) + 1}: " if owner.startswith("lines[") else ""


def _amount(value: Decimal) -> str:
    """With thousands marked: 1,190.00."""
    return f"{value:,f}"

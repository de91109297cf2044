"""Errors on purpose: each breaks exactly one rule, on the page and in the truth alike."""

from __future__ import annotations

from random import Random
from typing import Any, NamedTuple

from erniekit_finetuning.invoice.model import Invoice, Printed
from erniekit_finetuning.invoice.rules import Status, check
from synthetic_invoice_generator.faults.changes import CHANGES
from synthetic_invoice_generator.faults.kinds import Fault, FaultKind, leaf
from synthetic_invoice_generator.faults.slips import SLIPS
from synthetic_invoice_generator.scenario.scene import Scene


class Wrong(NamedTuple):
    """A document with its error."""

    scene: Scene
    invoice: Invoice
    fault: Fault


def with_fault(rng: Random, scene: Scene, kind: FaultKind) -> Wrong | None:
    """The scene with an error of `kind`; None when this document cannot have exactly that one."""
    change = (SLIPS | CHANGES)[kind](rng, scene)
    if change is None:
        return None
    bad = (Status.FAIL, Status.AMBIGUOUS)
    broken = {finding.rule for finding in check(change.invoice) if finding.status in bad}
    if broken != {change.rule}:
        return None
    found = leaf(change.invoice, change.field)
    fault = Fault(kind, change.rule, change.field, _print(change.right), _print(found))
    return Wrong(change.scene, change.invoice, fault)


def _print(value: Printed[Any] | None) -> str | None:
    return None if value is None else value.printed

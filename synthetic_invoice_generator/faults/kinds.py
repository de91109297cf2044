"""What can be wrong on a document, and how its error is written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any, NamedTuple

from erniekit_finetuning.invoice.model import Invoice, Printed
from erniekit_finetuning.invoice.walk import leaves
from synthetic_invoice_generator.scenario.scene import Scene


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


class Change(NamedTuple):
    """A document made wrong: the rule that it should break, the field, and what was right there."""

    scene: Scene
    invoice: Invoice
    rule: str
    field: str
    right: Printed[Any] | None


# None where the document cannot have this error.
Maker = Callable[[Random, Scene], Change | None]


def leaf(invoice: Invoice, path: str) -> Printed[Any] | None:
    """The value at `path` such as "lines[0].gtin"; None when nothing is printed there."""
    return next((value for name, value in leaves(invoice) if name == path), None)

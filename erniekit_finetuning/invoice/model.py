"""The Invoice: the one typed model that generator, data, evaluator and service share.

Names follow EN 16931 (seller, buyer, line net amount, tax category, payable). Each value keeps the
string that is printed beside its typed reading, so nothing is repaired silently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Generic, TypeVar, cast

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Place(_Frozen):
    """Where a value stands: page from 1; box = left, top, right, bottom in shares of the page."""

    page: int
    box: tuple[float, float, float, float]


class Printed(_Frozen, Generic[T]):
    """A value as printed and as read.

    `value` is None when the print cannot be read or is ambiguous; `readings` then lists what it
    may mean. `places` lists every place of the document where the print was found.
    """

    printed: str
    value: T | None = None
    readings: tuple[T, ...] = ()
    places: tuple[Place, ...] = ()


class Kind(StrEnum):
    """What the document is; the UNTDID 1001 codes are 380, 381, 325 and 751."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"
    PROFORMA = "proforma"
    RECEIPT = "receipt"


class Party(_Frozen):
    """Seller (BG-4) or buyer (BG-7)."""

    name: Printed[str] | None = None
    address: Printed[str] | None = None
    vat_id: Printed[str] | None = None


class Line(_Frozen):
    """Invoice line (BG-25). Rates are percents (19 means 19 %); amounts in invoice currency."""

    description: Printed[str] | None = None
    quantity: Printed[Decimal] | None = None
    unit_price: Printed[Decimal] | None = None
    discount_rate: Printed[Decimal] | None = None
    tax_rate: Printed[Decimal] | None = None
    net_amount: Printed[Decimal] | None = None


class TaxSubtotal(_Frozen):
    """Tax breakdown (BG-23): one tax category and rate."""

    category: Printed[str] | None = None
    rate: Printed[Decimal] | None = None
    taxable: Printed[Decimal] | None = None
    tax: Printed[Decimal] | None = None


class Totals(_Frozen):
    """Document totals (BG-22)."""

    line_total: Printed[Decimal] | None = None
    allowance_total: Printed[Decimal] | None = None
    charge_total: Printed[Decimal] | None = None
    tax_exclusive: Printed[Decimal] | None = None
    tax_total: Printed[Decimal] | None = None
    tax_inclusive: Printed[Decimal] | None = None
    prepaid: Printed[Decimal] | None = None
    rounding: Printed[Decimal] | None = None
    payable: Printed[Decimal] | None = None


class Invoice(_Frozen):
    """One document, whoever read it: a person, a generator or a model. None means not printed."""

    kind: Kind = Kind.INVOICE
    number: Printed[str] | None = None
    issue_date: Printed[date] | None = None
    due_date: Printed[date] | None = None
    currency: Printed[str] | None = None
    seller: Party = Party()
    buyer: Party = Party()
    lines: tuple[Line, ...] = ()
    tax_breakdown: tuple[TaxSubtotal, ...] = ()
    totals: Totals = Totals()
    payment_terms: Printed[str] | None = None


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Printed[Any]]]:
    """Every printed value of an invoice or a part of it, with its path: `lines[0].net_amount`."""
    if isinstance(value, Printed):
        yield path, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from leaves(getattr(value, name), f"{path}.{name}" if path else name)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}[{index}]")


def mapped(value: M, change: Callable[[Printed[Any]], Printed[Any]]) -> M:
    """A copy of an invoice or a part of it with every printed value changed."""
    return cast(M, _mapped(value, change))


def _mapped(value: Any, change: Callable[[Printed[Any]], Printed[Any]]) -> Any:
    if isinstance(value, Printed):
        return change(value)
    if isinstance(value, BaseModel):
        return value.model_copy(
            update={
                name: _mapped(getattr(value, name), change) for name in type(value).model_fields
            }
        )
    if isinstance(value, tuple):
        return tuple(_mapped(item, change) for item in value)
    return value

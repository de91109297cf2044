"""The Invoice: the one typed model that generator, data, evaluator and service share.

Names follow EN 16931 (seller, buyer, line net amount, tax category, payable). Each value keeps the
string that is printed beside its typed reading, so nothing is repaired silently.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

T = TypeVar("T")
_DECIMAL = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)", re.ASCII)
MAX_PRINT = 10_000  # characters; an address or terms of payment need far fewer
MAX_DIGITS, MAX_DECIMALS = 18, 20  # before and after the decimal mark of any number


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

    printed: Annotated[str, Field(max_length=MAX_PRINT)]
    value: T | None = None
    readings: tuple[T, ...] = ()
    places: tuple[Place, ...] = ()

    @field_validator("value", "readings")
    @classmethod
    def _bounded(cls, value: Any) -> Any:
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, Decimal) and not bounded(one):
                raise ValueError(f"more than {MAX_DIGITS} digits, or {MAX_DECIMALS} decimals")
        return value


def exact(text: str) -> Decimal | None:
    """A plain decimal number as XML and JSON write it, None for anything else or beyond bounds.

    >>> exact("-12.50"), exact("1e5"), exact("1,5")
    (Decimal('-12.50'), None, None)
    """
    if len(text) > 2 * (MAX_DIGITS + MAX_DECIMALS) or not _DECIMAL.fullmatch(text):
        return None
    number = Decimal(text)
    return number if bounded(number) else None


def bounded(number: Decimal) -> bool:
    """Whether a number can stand on an invoice: finite, and exact in every rule's arithmetic."""
    exponent = number.as_tuple().exponent
    return (
        isinstance(exponent, int)
        and exponent >= -MAX_DECIMALS
        and exponent <= MAX_DIGITS
        and number.adjusted() < MAX_DIGITS
    )


class Kind(StrEnum):
    """What the document is; `type_code` keeps the UNTDID 1001 code where one is given."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"
    PROFORMA = "proforma"
    RECEIPT = "receipt"


class Syntax(StrEnum):
    """The XML syntax a structured invoice was written in; the official rules differ in details."""

    UBL = "UBL"
    CII = "CII"


class Party(_Frozen):
    """Seller (BG-4) or buyer (BG-7). `address` is the whole printed block."""

    name: Printed[str] | None = None
    address: Printed[str] | None = None
    city: Printed[str] | None = None
    postal_code: Printed[str] | None = None
    country: Printed[str] | None = None
    vat_id: Printed[str] | None = None  # BT-31, BT-48
    tax_number: Printed[str] | None = None  # BT-32, a local tax registration
    legal_id: Printed[str] | None = None  # BT-30, BT-47, a company register's number
    gln: Printed[str] | None = None  # BT-29, BT-46 of scheme 0088


class AllowanceCharge(_Frozen):
    """An allowance or a charge, of a line (BG-27, BG-28) or of the document (BG-20, BG-21).

    `logistics` marks a logistics service charge of Factur-X EXTENDED. EN 16931 does not know it,
    so its rules do not count it.
    """

    amount: Printed[Decimal] | None = None
    base_amount: Printed[Decimal] | None = None
    percent: Printed[Decimal] | None = None
    reason: Printed[str] | None = None
    tax_category: Printed[str] | None = None
    tax_rate: Printed[Decimal] | None = None
    logistics: bool = False


class Line(_Frozen):
    """Invoice line (BG-25). Rates are percents (19 means 19 %); amounts in invoice currency.

    `unit_price` is the net price (BT-146) of `price_base_quantity` units (one, when absent);
    `discount_rate` is the percentage column of a printed line.
    """

    id: Printed[str] | None = None
    description: Printed[str] | None = None
    gtin: Printed[str] | None = None  # BT-157 of scheme 0160
    quantity: Printed[Decimal] | None = None
    unit: Printed[str] | None = None
    unit_price: Printed[Decimal] | None = None
    price_base_quantity: Printed[Decimal] | None = None
    gross_price: Printed[Decimal] | None = None
    price_allowance: Printed[Decimal] | None = None
    discount_rate: Printed[Decimal] | None = None
    allowances: tuple[AllowanceCharge, ...] = ()
    charges: tuple[AllowanceCharge, ...] = ()
    tax_category: Printed[str] | None = None
    tax_rate: Printed[Decimal] | None = None
    net_amount: Printed[Decimal] | None = None


class TaxSubtotal(_Frozen):
    """Tax breakdown (BG-23): one tax category (UNCL 5305: S, Z, E, AE, K, G, O, L, M) and rate."""

    category: Printed[str] | None = None
    rate: Printed[Decimal] | None = None
    taxable: Printed[Decimal] | None = None
    tax: Printed[Decimal] | None = None


class Totals(_Frozen):
    """Document totals (BG-22), in invoice currency but for the tax in tax currency (BT-111)."""

    line_total: Printed[Decimal] | None = None
    allowance_total: Printed[Decimal] | None = None
    charge_total: Printed[Decimal] | None = None
    tax_exclusive: Printed[Decimal] | None = None
    tax_total: Printed[Decimal] | None = None
    tax_total_in_tax_currency: Printed[Decimal] | None = None
    tax_inclusive: Printed[Decimal] | None = None
    prepaid: Printed[Decimal] | None = None
    withholding: Printed[Decimal] | None = None  # income tax the buyer keeps back; not EN 16931
    rounding: Printed[Decimal] | None = None
    payable: Printed[Decimal] | None = None


class Account(_Frozen):
    """Where to pay (BG-17)."""

    iban: Printed[str] | None = None
    bic: Printed[str] | None = None
    name: Printed[str] | None = None


class References(_Frozen):
    """Numbers of other papers, kept verbatim."""

    order: Printed[str] | None = None  # BT-13
    contract: Printed[str] | None = None  # BT-12
    buyer: Printed[str] | None = None  # BT-10
    despatch: Printed[str] | None = None  # BT-16
    preceding_invoice: Printed[str] | None = None  # BT-25
    payment: Printed[str] | None = None  # BT-83


class Invoice(_Frozen):
    """One document, whoever read it: a person, a generator or a model. None means not printed.

    `syntax` is set for a structured invoice, None for what was read off a page; `language` is a
    BCP 47 tag (`de`, `en-GB`) where it is known. `prices_include_tax` is for a shop's receipt,
    whose line amounts and their sum include tax (EN 16931 knows only amounts without).
    """

    kind: Kind = Kind.INVOICE
    syntax: Syntax | None = None
    language: str | None = None
    type_code: Printed[str] | None = None
    number: Printed[str] | None = None
    issue_date: Printed[date] | None = None
    due_date: Printed[date] | None = None
    delivery_date: Printed[date] | None = None
    period_start: Printed[date] | None = None
    period_end: Printed[date] | None = None
    prices_include_tax: bool = False
    currency: Printed[str] | None = None
    tax_currency: Printed[str] | None = None
    seller: Party = Party()
    buyer: Party = Party()
    lines: tuple[Line, ...] = ()
    allowances: tuple[AllowanceCharge, ...] = ()
    charges: tuple[AllowanceCharge, ...] = ()
    tax_breakdown: tuple[TaxSubtotal, ...] = ()
    totals: Totals = Totals()
    payment_terms: Printed[str] | None = None
    accounts: tuple[Account, ...] = ()
    references: References = References()

"""What is drawn how often: kinds of document, and shares of those that have an optional thing."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
DocumentType = Literal["invoice", "credit_note", "proforma", "receipt", "prepayment", "partial"]
DOCUMENT_TYPES: tuple[DocumentType, ...] = get_args(DocumentType)


class Shares(BaseModel):
    """Each field is the share (0 to 1) of documents that have it.

    `long_description`: documents with further rows below descriptions. `abroad`: buyers in another
    country. `tax_currency`: of the taxed documents in a foreign currency, those that repeat the tax
    in the seller's own. `negative`: of the credit notes, those with minus signs. `registers`:
    sellers that print a number of their tax office, and those that print one of their register.
    `tax_table`: of the documents that say what a tax is taken from, those with a table of the
    taxes. `conditions`: those with pages of small print behind them. `faulty`: documents with an
    error on purpose.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    due_date: Share = 0.65
    payment_terms: Share = 0.6
    line_discount: Share = 0.15
    long_description: Share = 0.15
    allowance: Share = 0.15
    charge: Share = 0.1
    prepaid: Share = 0.1
    untaxed: Share = 0.05
    abroad: Share = 0.1
    withholding: Share = 0.25
    tax_currency: Share = 0.6
    rounding: Share = 0.3
    negative: Share = 0.3
    references: Share = 0.5
    account: Share = 0.5
    tax_category: Share = 0.12
    gtin: Share = 0.06
    registers: Share = 0.25
    tax_table: Share = 0.6
    stamp: Share = 0.12
    signature: Share = 0.15
    qr_code: Share = 0.15
    conditions: Share = 0.03
    faulty: Share = 0

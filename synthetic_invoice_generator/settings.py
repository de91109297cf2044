"""Shares of documents that print an optional thing."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]


class Shares(BaseModel):
    """Each field is the share (0 to 1) of documents that have it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    due_date: Share = 0.65
    payment_terms: Share = 0.6
    line_discount: Share = 0.15
    allowance: Share = 0.15
    charge: Share = 0.1
    prepaid: Share = 0.1
    tax_free: Share = 0.05

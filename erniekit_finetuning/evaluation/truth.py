"""What a document says, in whatever JSON its answers have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from erniekit_finetuning.data.labelling import document_of
from erniekit_finetuning.data.pair import PageWords
from erniekit_finetuning.documents.model import Document
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.evaluation.said import NOTHING, Kinds, Said, in_invoice, in_json
from erniekit_finetuning.invoice import rules
from erniekit_finetuning.invoice.model import Invoice
from erniekit_finetuning.invoice.response import printed_once, structured_data
from erniekit_finetuning.invoice.rules import Finding
from erniekit_finetuning.invoice.shapes import read_invoice


@dataclass(frozen=True)
class Reading:
    """A typed invoice in which no print stands twice, and what the rules find in it.

    Else a rule between two terms that one printed amount fills would pass by itself.
    """

    invoice: Invoice
    findings: tuple[Finding, ...]

    @property
    def verified(self) -> bool:
        """Whether its numbers add up; see `rules.arithmetic_verified`."""
        return rules.arithmetic_verified(self.findings)

    @property
    def broken(self) -> bool:
        """Whether a rule fails."""
        return any(finding.broken for finding in self.findings)


def read_by_rules(invoice: Invoice) -> Reading:
    """An invoice as the rules see it."""
    once = printed_once(invoice)
    return Reading(once, tuple(rules.check(once)))


@dataclass(frozen=True)
class Truth:
    """The true answer of a document.

    `data`: its JSON. `invoice`: what it says as a typed invoice, None where it is no invoice whose
    fields we know. `ours`: answers have our shape (`structured_data`) and are compared as typed
    invoices; else by the paths of their keys, with `kinds`. `pages`: the document's words.
    """

    id: str
    data: Mapping[str, Any]
    invoice: Invoice | None = None
    images: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    ours: bool = True
    kinds: Kinds = field(default_factory=dict)
    pages: tuple[PageWords, ...] = ()

    @classmethod
    def of_invoice(cls, id: str, invoice: Invoice) -> Truth:
        """The truth that answers of our shape give of a typed invoice."""
        return cls(id, {"structured_data": structured_data(invoice)}, invoice)

    @cached_property
    def document(self) -> Document | None:
        """Its words, None where the test data has none."""
        return document_of(self.pages) if self.pages else None

    @cached_property
    def reading(self) -> Reading | None:
        """What the rules say of the document itself."""
        return None if self.invoice is None else read_by_rules(self.invoice)

    @cached_property
    def said(self) -> Said:
        """Its values, ready to be compared."""
        if not self.ours:
            return in_json(self.data, self.kinds)
        return in_invoice(self.reading.invoice) if self.reading is not None else NOTHING

    @cached_property
    def valid(self) -> bool | None:
        """Whether the document keeps the rules, by them or by its own validation_summary."""
        if self.reading is not None:
            return not self.reading.broken
        return said_valid(self.data)


def said_valid(data: Mapping[str, Any]) -> bool | None:
    """What an answer's validation_summary says; None without one."""
    summary = data.get("validation_summary")
    said = summary.get("is_valid") if isinstance(summary, Mapping) else None
    return said if isinstance(said, bool) else None


def invoice_of(data: Mapping[str, Any]) -> Invoice | None:
    """A JSON object as a typed invoice, None where it is none of the shapes that we know."""
    try:
        return read_invoice(data).invoice
    except UnusableInput:
        return None

"""A generated invoice as what its page's text is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from erniekit_finetuning.base.corpus import Labelled, printed_rows
from erniekit_finetuning.invoice.model import Invoice
from erniekit_finetuning.invoice.walk import leaves


def truthful(invoice: Invoice, text: str, data: Mapping[str, Any]) -> Labelled | None:
    """The document, or None where its text lost a value: no answer could be read from it."""
    if not all(row in text for row in printed_rows(data)):
        return None
    extras = {key: print_ for key, print_ in _extras(invoice) if print_ in text}
    return Labelled(text, data, extras, _values(invoice))


def _extras(invoice: Invoice) -> Iterator[tuple[str, str]]:
    found = {
        "order_number": invoice.references.order,
        "tax_number": invoice.seller.tax_number,
        "iban": invoice.accounts[0].iban if invoice.accounts else None,
        "bic": invoice.accounts[0].bic if invoice.accounts else None,
    }
    return ((key, value.printed) for key, value in found.items() if value is not None)


def _values(invoice: Invoice) -> dict[str, str]:
    return {
        one.printed: str(one.value)
        for _, one in leaves(invoice)
        if one.value is not None and not isinstance(one.value, str)
    }

"""The invoice's own data and references as a layout draws them: rows of label and value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from erniekit_finetuning.invoice.model import Invoice, Printed
from synthetic_invoice_generator.locale import LabelKey
from synthetic_invoice_generator.looks.style import Style
from synthetic_invoice_generator.looks.text import unbroken, with_colon
from synthetic_invoice_generator.scenario.goods import width

SHORT = 26  # letters of a value that still fit beside others on one line


def meta_view(invoice: Invoice, style: Style, needs_currency: bool) -> Iterator[dict[str, str]]:
    """Number, dates, references, and what the style says there instead of elsewhere."""
    rows = [(key, value.printed) for key, value in _values(invoice, style) if value is not None]
    if needs_currency and style.currency_place == "meta" and invoice.currency:
        rows.append(("currency", invoice.currency.printed))
    if terms_in_meta(invoice, style) and invoice.payment_terms:
        rows.append(("payment_terms", invoice.payment_terms.printed))
    if invoice.period_start and invoice.period_end:
        start, end = invoice.period_start.printed, invoice.period_end.printed
        between = "\n" if width(start + end) > SHORT else " "
        rows.append(("period", f"{start} \N{EN DASH}{between}{end}"))
    # References stand after the first rows, so that the number is not always next to the date.
    place = 1 if style.swapped else len(rows)
    rows[place:place] = style.extras.references
    for key, text in rows:
        label = style.labels[key]
        above = style.label_position == "above"
        yield {
            "label": label if above else with_colon(label, style.colon),
            "value": unbroken(text),
        }


def terms_in_meta(invoice: Invoice, style: Style) -> bool:
    """Whether the terms of payment stand among the invoice's data: only short ones do."""
    terms = invoice.payment_terms
    return style.terms_place == "meta" and terms is not None and width(terms.printed) <= SHORT


def meta_columns(meta: list[dict[str, str]]) -> int:
    """How many values stand side by side without wrapping on a page about 100 letters wide."""
    values = (part for row in meta for part in row["value"].split("\n"))
    longest = max((width(value) for value in values), default=0)
    return 4 if longest <= 16 else 3 if longest <= 22 else 2


def _values(invoice: Invoice, style: Style) -> Iterator[tuple[LabelKey, Printed[Any] | None]]:
    for key in style.meta_order:
        if key != "number" or not style.title_with_number:
            yield key, getattr(invoice, key)
    papers = invoice.references
    yield "preceding_invoice", papers.preceding_invoice
    yield "order_number", papers.order
    yield "contract_number", papers.contract
    yield "payment_reference", papers.payment
    if style.vat_place == "meta":
        yield "seller_vat_id", invoice.seller.vat_id
        yield "buyer_vat_id", invoice.buyer.vat_id
    if style.register_place == "meta":
        yield "tax_number", invoice.seller.tax_number
        yield "legal_id", invoice.seller.legal_id

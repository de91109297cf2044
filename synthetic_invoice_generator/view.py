"""What a layout draws: an invoice and a style turned into plain strings, in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from erniekit_finetuning.invoice.model import Invoice, Line, Party, Printed
from synthetic_invoice_generator.fitting import name_scale, table_scale
from synthetic_invoice_generator.locale import LabelKey
from synthetic_invoice_generator.style import Style

_SHORT = 26  # letters of payment terms that still fit beside the invoice's data on one line
_LEFT = ("description", "code", "unit")
_TOTALS: tuple[LabelKey, ...] = ("line_total", "allowance_total", "charge_total", "tax_exclusive")


def page_view(invoice: Invoice, style: Style) -> dict[str, Any]:
    """The JSON that a layout gets: printed strings and look, nothing left to compute."""
    columns = _columns(invoice, style)
    needs_currency = _currency_unsaid(invoice)
    meta = list(_meta(invoice, style, needs_currency))
    headings = [_heading(key, invoice, style, needs_currency) for key in columns]
    rows = [
        [_cell(line, key, index, style) for key in columns]
        for index, line in enumerate(invoice.lines)
    ]
    fitted = {
        "meta_columns": _meta_columns(meta),
        "table_scale": table_scale(headings, rows, style),
    }
    return {
        "look": _look(style) | fitted,
        "title": _title(invoice, style),
        "seller": _party(invoice.seller, style, "seller", style.seller_heading),
        "buyer": _party(invoice.buyer, style, "buyer", style.buyer_heading),
        "meta": meta,
        "columns": [
            {"heading": heading, "side": _side(key, style), "wide": key == "description"}
            for key, heading in zip(columns, headings, strict=True)
        ],
        "rows": rows,
        "totals": list(_totals(invoice, style)),
        "terms": _terms(invoice, style),
        "intro": list(style.extras.intro),
        "notes": list(_notes(invoice, style, needs_currency)),
        "footer": list(style.extras.footer),
        "page": style.extras.page,
    }


def _look(style: Style) -> dict[str, Any]:
    names = (
        "paper", "font", "size", "margin", "gap", "accent", "arrangement", "swapped", "rules",
        "zebra", "bold_labels",
    )  # fmt: skip
    look = {name: getattr(style, name) for name in names}
    return look | {"label": style.label_position, "totals_side": style.totals_side}


def _label(style: Style, key: LabelKey) -> str:
    text = style.labels[key]
    colon = "" if style.label_position == "above" or text.endswith(":") else style.colon
    return text + colon


def _title(invoice: Invoice, style: Style) -> str:
    if style.title_with_number and invoice.number:
        return f"{style.labels['number']} {invoice.number.printed}"
    return style.labels["title"]


def _party(party: Party, style: Style, key: LabelKey, heading: bool) -> dict[str, Any]:
    lines = party.address.printed.split("\n") if party.address else []
    vat = None
    if party.vat_id and style.vat_place == "block":
        vat = f"{style.labels['vat_id']}{style.colon} {_unbroken(party.vat_id.printed)}"
    name = party.name.printed if party.name else ""
    title = style.labels[key] + style.colon if heading else None
    return {
        "heading": title,
        "name": name,
        "scale": name_scale(name, title, style),
        "lines": lines,
        "vat": vat,
        "return_line": " · ".join([name, *lines]) if style.return_line else None,
    }


def _meta(invoice: Invoice, style: Style, needs_currency: bool) -> Iterator[dict[str, str]]:
    """Rows of label and value: the invoice's data mixed with references."""
    rows: list[tuple[LabelKey, Printed[Any] | None]] = [
        (key, getattr(invoice, key)) for key in style.meta_order
    ]
    if style.title_with_number:
        rows = [row for row in rows if row[0] != "number"]
    if style.vat_place == "meta":
        rows.append(("seller_vat_id", invoice.seller.vat_id))
        rows.append(("buyer_vat_id", invoice.buyer.vat_id))
    if needs_currency and style.currency_place == "meta":
        rows.append(("currency", invoice.currency))
    if _terms_in_meta(invoice, style):
        rows.append(("payment_terms", invoice.payment_terms))
    printed = [(key, value.printed) for key, value in rows if value is not None]
    # References stand after the first rows, so that the number is not always next to the date.
    place = 1 if style.swapped else len(printed)
    printed[place:place] = style.extras.references
    for key, text in printed:
        yield {"label": _label(style, key), "value": _unbroken(text)}


def _unbroken(text: str) -> str:
    """The text with spaces that do not break a line."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def _meta_columns(meta: list[dict[str, str]]) -> int:
    """How many values stand side by side without wrapping on a page about 100 letters wide."""
    longest = max((len(row["value"]) for row in meta), default=0)
    return 4 if longest <= 16 else 3 if longest <= 22 else 2


def _currency_unsaid(invoice: Invoice) -> bool:
    """Whether no amount of the page says the currency."""
    if invoice.currency is None:
        return False
    said = invoice.currency.printed
    amounts = [line.net_amount for line in invoice.lines]
    amounts += [getattr(invoice.totals, name) for name in type(invoice.totals).model_fields]
    return not any(amount and said in amount.printed for amount in amounts)


def _columns(invoice: Invoice, style: Style) -> tuple[LabelKey, ...]:
    filled = {
        key
        for key in style.columns
        if any(getattr(line, key, None) is not None for line in invoice.lines)
    }
    if style.extras.units and "quantity" in filled:
        filled.add("unit")
    present = [key for key in style.columns if key in filled]
    if style.extras.codes:
        present.insert(present.index("description"), "code")
    if style.extras.positions:
        present.insert(0, "position")
    return tuple(present)


def _heading(key: LabelKey, invoice: Invoice, style: Style, needs_currency: bool) -> str:
    text = style.labels[key]
    if key == "net_amount" and needs_currency and style.currency_place == "heading":
        assert invoice.currency is not None
        return f"{text} {invoice.currency.printed}"
    return text


def _side(key: LabelKey, style: Style) -> str:
    if key in _LEFT:
        return "left"
    return "center" if style.centred_numbers and key != "net_amount" else "right"


def _cell(line: Line, key: LabelKey, index: int, style: Style) -> str:
    if key == "position":
        return str(index + 1)
    if key == "code":
        return style.extras.codes[index % len(style.extras.codes)]
    if key == "unit":
        return style.extras.units[index % len(style.extras.units)]
    value: Printed[Any] | None = getattr(line, key)
    return value.printed if value else ""


def _totals(invoice: Invoice, style: Style) -> Iterator[dict[str, Any]]:
    totals = invoice.totals
    rows = [(style.labels[key], getattr(totals, key)) for key in _TOTALS]
    for row in invoice.tax_breakdown:
        template = style.labels["tax_on" if row.taxable else "tax"]
        label = template.format(
            rate=_unbroken(row.rate.printed) if row.rate else "",
            taxable=_unbroken(row.taxable.printed) if row.taxable else "",
        )
        rows.append((label, row.tax))
    if len(invoice.tax_breakdown) != 1:
        rows.append((style.labels["tax_total"], totals.tax_total))
    rows += [(style.labels[key], getattr(totals, key)) for key in ("tax_inclusive", "prepaid")]
    rows.append((style.labels["payable"], totals.payable))
    present = [(label, value.printed) for label, value in rows if value is not None]
    for index, (label, text) in enumerate(present):
        colon = "" if label.endswith(":") else style.colon
        yield {"label": label + colon, "value": text, "strong": index == len(present) - 1}


def _terms(invoice: Invoice, style: Style) -> dict[str, str] | None:
    if invoice.payment_terms is None or _terms_in_meta(invoice, style):
        return None
    label = "" if style.swapped else style.labels["payment_terms"] + style.colon
    return {"label": label, "value": invoice.payment_terms.printed}


def _terms_in_meta(invoice: Invoice, style: Style) -> bool:
    terms = invoice.payment_terms
    return style.terms_place == "meta" and terms is not None and len(terms.printed) <= _SHORT


def _notes(invoice: Invoice, style: Style, needs_currency: bool) -> Iterator[str]:
    if needs_currency and style.currency_place == "note" and invoice.currency:
        yield f"{style.labels['currency']}{style.colon} {invoice.currency.printed}"
    yield from style.extras.notes

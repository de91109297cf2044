"""What a layout draws: an invoice and a style turned into plain strings, in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from erniekit_finetuning.invoice.model import Invoice, Line, Party, Printed, TaxSubtotal
from synthetic_invoice_generator.locale import LabelKey
from synthetic_invoice_generator.looks.fitting import (
    address_scale,
    footer_height,
    line_scale,
    name_scale,
    table_scale,
)
from synthetic_invoice_generator.looks.style import Style

_SHORT = 26  # letters of payment terms that still fit beside the invoice's data on one line
_LEFT = ("description", "code", "gtin", "hs_code", "unit")
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
        "bottom": footer_height(style.extras.footer, style),
        "table_scale": table_scale(headings, rows, style),
    }
    return {
        "look": _look(style) | fitted,
        "title": _title(invoice, style),
        "seller": _party(invoice.seller, style, "seller", style.seller_heading),
        "buyer": _party(invoice.buyer, style, "buyer", style.buyer_heading)
        | {"also": _deliver_to(style)},
        "meta": meta,
        "columns": [
            {"heading": heading, "side": _side(key, style), "wide": key == "description"}
            for key, heading in zip(columns, headings, strict=True)
        ],
        "rows": rows,
        "totals": list(_totals(invoice, style)),
        "terms": _terms(invoice, style),
        "account": list(_account(invoice, style)),
        "intro": list(style.extras.intro),
        "notes": list(_notes(invoice, style, needs_currency)),
        "footer": list(style.extras.footer),
        "page": style.extras.page,
        "slip": style.labels["payment_slip"],
    }


def _look(style: Style) -> dict[str, Any]:
    names = (
        "paper", "size", "margin", "gap", "accent", "arrangement", "swapped", "rules",
        "zebra", "bold_labels", "logo",
    )  # fmt: skip
    look = {name: getattr(style, name) for name in names}
    return look | {
        "font": style.face.name,
        "label": style.label_position,
        "totals_side": style.totals_side,
    }


def _label(style: Style, key: LabelKey) -> str:
    text = style.labels[key]
    colon = "" if style.label_position == "above" or text.endswith(":") else style.colon
    return text + colon


def _title(invoice: Invoice, style: Style) -> str:
    if style.title_with_number and invoice.number:
        return f"{style.labels['number']} {invoice.number.printed}"
    return style.labels[style.title]


def _party(party: Party, style: Style, key: LabelKey, heading: bool) -> dict[str, Any]:
    lines = party.address.printed.split("\n") if party.address else []
    vat = None
    if party.vat_id and style.vat_place == "block":
        vat = f"{style.labels['vat_id']}{style.colon} {_unbroken(party.vat_id.printed)}"
    name = party.name.printed if party.name else ""
    title = style.labels[key] + style.colon if heading and name else None
    return {
        "heading": title,
        "name": name,
        "scale": name_scale(name, title, style),
        "address_scale": address_scale(lines, style),
        "lines": lines,
        "vat": vat,
        "also": None,
        "return_line": " · ".join([name, *lines]) if style.return_line else None,
    }


def _deliver_to(style: Style) -> dict[str, Any] | None:
    """The address that goods are sent to: rows under a heading, below the buyer."""
    rows = style.extras.deliver_to
    return {"heading": style.labels["deliver_to"], "lines": list(rows)} if rows else None


def _account(invoice: Invoice, style: Style) -> Iterator[dict[str, str]]:
    """Where to pay, as rows of label and value."""
    keys: tuple[LabelKey, ...] = ("iban", "bic")
    for account in invoice.accounts:
        for key in keys:
            value = getattr(account, key)
            if value:
                label = style.labels[key] + style.colon
                yield {"label": label, "value": _unbroken(value.printed)}


def _meta(invoice: Invoice, style: Style, needs_currency: bool) -> Iterator[dict[str, str]]:
    """Rows of label and value: the invoice's data mixed with references."""
    rows: list[tuple[LabelKey, Printed[Any] | None]] = [
        (key, getattr(invoice, key)) for key in style.meta_order
    ]
    papers = invoice.references
    rows.append(("preceding_invoice", papers.preceding_invoice))
    rows.append(("order_number", papers.order))
    rows.append(("contract_number", papers.contract))
    rows.append(("payment_reference", papers.payment))
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
    if invoice.period_start and invoice.period_end:
        start, end = invoice.period_start.printed, invoice.period_end.printed
        between = "\n" if len(start + end) > _SHORT else " "
        printed.append(("period", f"{start} \N{EN DASH}{between}{end}"))
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
    values = (part for row in meta for part in row["value"].split("\n"))
    longest = max((len(value) for value in values), default=0)
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
    present = [key for key in style.columns if key in filled]
    if any(line.tax_category for line in invoice.lines):
        present.insert(present.index("net_amount"), "tax_category")
    extra: tuple[tuple[LabelKey, bool], ...] = (
        ("code", bool(style.extras.codes)),
        ("gtin", any(line.gtin for line in invoice.lines)),
        ("hs_code", bool(style.extras.hs_codes)),
        ("origin", bool(style.extras.origins)),
    )
    for key, there in extra:
        if there:
            present.insert(present.index("description"), key)
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
    noise = {"code": "codes", "hs_code": "hs_codes", "origin": "origins"}
    if key in noise:
        column: tuple[str, ...] = getattr(style.extras, noise[key])
        return column[index % len(column)]
    value: Printed[Any] | None = getattr(line, key)
    return value.printed if value else ""


def _totals(invoice: Invoice, style: Style) -> Iterator[dict[str, Any]]:
    totals = invoice.totals
    rows = [(style.labels[key], getattr(totals, key)) for key in _TOTALS]
    for index, row in enumerate(invoice.tax_breakdown):
        rows.append((_tax_label(row, index, style), row.tax))
    taxes = [row.tax.printed for row in invoice.tax_breakdown if row.tax]
    if totals.tax_total and taxes != [totals.tax_total.printed]:
        rows.append((style.labels["tax_total"], totals.tax_total))
    if invoice.tax_currency:
        label = style.labels["tax_in_currency"].format(currency=invoice.tax_currency.printed)
        rows.append((label, totals.tax_total_in_tax_currency))
    rows += [(style.labels[key], getattr(totals, key)) for key in ("tax_inclusive", "prepaid")]
    if totals.withholding:
        label = style.labels["withholding"].format(rate=_unbroken(style.withholding_rate))
        rows.append((label, totals.withholding))
    rows += [(style.labels[key], getattr(totals, key)) for key in ("rounding", "payable")]
    present = [(label, value.printed) for label, value in rows if value is not None]
    for index, (label, text) in enumerate(present):
        colon = "" if label.endswith(":") else style.colon
        yield {"label": label + colon, "value": text, "strong": index == len(present) - 1}


def _tax_label(row: TaxSubtotal, index: int, style: Style) -> str:
    """The words beside a tax: its rate, what it is taken from, its category."""
    rate = _unbroken(row.rate.printed) if row.rate else ""
    if style.tax_parts:
        label = style.tax_parts[index % len(style.tax_parts)].format(rate=rate)
        return f"{label} ({_unbroken(row.taxable.printed)})" if row.taxable else label
    if style.tax_included:
        return style.labels["tax_included"].format(rate=rate)
    template = style.labels["tax_on" if row.taxable else "tax"]
    label = template.format(
        rate=rate, taxable=_unbroken(row.taxable.printed) if row.taxable else ""
    )
    return f"{label} ({row.category.printed})" if row.category else label


def _terms(invoice: Invoice, style: Style) -> dict[str, Any] | None:
    if invoice.payment_terms is None or _terms_in_meta(invoice, style):
        return None
    label = "" if style.swapped else style.labels["payment_terms"] + style.colon
    text = invoice.payment_terms.printed
    return {"label": label, "value": text, "scale": line_scale(f"{label} {text}", style)}


def _terms_in_meta(invoice: Invoice, style: Style) -> bool:
    terms = invoice.payment_terms
    return style.terms_place == "meta" and terms is not None and len(terms.printed) <= _SHORT


def _notes(invoice: Invoice, style: Style, needs_currency: bool) -> Iterator[str]:
    if needs_currency and style.currency_place == "note" and invoice.currency:
        yield f"{style.labels['currency']}{style.colon} {invoice.currency.printed}"
    yield from style.extras.notes

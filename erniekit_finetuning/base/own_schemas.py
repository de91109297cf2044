"""Answers in schemas of every kind, so that a team's own one is no news to the base model.

A schema is drawn for each sample: which fields, their keys, nesting and order, dates as printed or
as ISO 8601, amounts as printed or as JSON numbers. The prompt shows it as an empty answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Any

from erniekit_finetuning.data.prompts import DATE_BLANK
from synthetic_invoice_generator.chance import chance, pick, weighted

_PARTY = {
    "name": ("name", "company", "firm", "title", "legal name", "firma", "nom", "nombre"),
    "address": ("address", "addr", "street and city", "adresse", "postal address", "location", "anschrift"),
    "tax_id": ("vat", "vat id", "tax id", "vat number", "tax number", "ust id", "tva", "nif", "tax reg"),
}  # fmt: skip
_SELLER = ("seller", "vendor", "supplier", "issuer", "biller", "lieferant", "fournisseur", "from", "creditor", "verkäufer", "merchant", "payee")  # fmt: skip
_BUYER = ("buyer", "customer", "client", "bill to", "recipient", "kunde", "acheteur", "to", "debtor", "käufer", "payer")  # fmt: skip
_KEYS = {
    "client_info.invoice_number": ("invoice number", "number", "invoice no", "inv no", "invoice id", "document number", "nr", "no", "rechnungsnummer", "numéro", "reference", "id"),
    "client_info.invoice_date": ("invoice date", "date", "issue date", "issued", "issued on", "document date", "datum", "rechnungsdatum", "billed on", "dated"),
    "client_info.due_date": ("due date", "due", "pay by", "payment due", "payable until", "fällig", "échéance", "deadline", "due on"),
    "financial_summary.subtotal": ("subtotal", "sub total", "net", "net amount", "total net", "netto", "sum of lines", "lines total", "ht", "amount net"),
    "financial_summary.discount": ("discount", "allowance", "rebate", "rabatt", "reduction", "total discount"),
    "financial_summary.charges": ("charges", "shipping", "freight", "fees", "surcharge", "extra charges"),
    "financial_summary.net_total": ("net after discount", "taxable", "taxable amount", "net total", "base"),
    "financial_summary.tax": ("tax", "vat amount", "tax amount", "total tax", "vat total", "mwst", "tva", "tax total", "steuer"),
    "financial_summary.grand_total": ("total", "grand total", "gross", "amount", "total amount", "brutto", "ttc", "invoice total", "total gross", "gesamt", "sum"),
    "financial_summary.prepaid": ("prepaid", "paid", "advance", "deposit", "already paid"),
    "financial_summary.amount_due": ("amount due", "balance", "payable", "to pay", "open amount", "balance due"),
    "financial_summary.currency": ("currency", "ccy", "curr", "währung", "devise", "currency code"),
    "payment_terms": ("payment terms", "terms", "conditions", "zahlungsbedingungen", "payment"),
    "iban": ("iban", "account", "bank account", "iban number"),
    "bic": ("bic", "swift", "bank code"),
    "order_number": ("order number", "order", "po", "po number", "purchase order", "bestellnummer", "order ref"),
    "tax_number": ("seller tax number", "steuernummer", "local tax number"),
}  # fmt: skip
_LINES = ("lines", "items", "line items", "positions", "positionen", "articles", "products", "rows", "details", "lignes", "entries", "line")  # fmt: skip
_LINE = {
    "description": ("description", "text", "name", "item", "product", "article", "what", "bezeichnung", "désignation", "title", "desc"),
    "quantity": ("quantity", "qty", "count", "amount", "menge", "qté", "units", "pieces"),
    "unit_price": ("unit price", "price", "price each", "einzelpreis", "rate", "pu", "unit cost", "each"),
    "discount": ("discount", "rebate", "rabatt", "discount percent"),
    "tax_rate": ("tax rate", "vat", "vat rate", "tax", "mwst", "tax percent"),
    "line_total": ("total", "line total", "net", "amount", "sum", "line amount", "gesamt", "montant", "value", "net amount"),
}  # fmt: skip
_DATES = {"client_info.invoice_date", "client_info.due_date"}
_NUMBERS = {"quantity", "unit_price", "line_total"} | {
    path for path in _KEYS if path.startswith("financial_summary") and not path.endswith("currency")
}
_GROUPS = ("header", "document", "invoice", "meta", "info", "data", "kopf", "general")
_SUMS = ("totals", "amounts", "sums", "summary", "summen", "money")
Number = Decimal


class Drawn:
    """One schema: how keys are written and which values are normalised."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.case = weighted(
            rng, {"snake": 5, "camel": 4, "kebab": 0.5, "pascal": 1.5, "upper": 1, "plain": 0.5}
        )
        self.iso = chance(rng, 0.5)
        self.numbers = chance(rng, 0.35)

    def key(self, words: str) -> str:
        """The words as this schema writes a key."""
        parts = words.split(" ")
        if self.case == "camel":
            return parts[0] + "".join(part.capitalize() for part in parts[1:])
        if self.case == "pascal":
            return "".join(part.capitalize() for part in parts)
        if self.case == "upper":
            return "_".join(parts).upper()
        return {"snake": "_", "kebab": "-", "plain": " "}[self.case].join(parts)


def own_answer(
    rng: Random, data: Mapping[str, Any], extras: Mapping[str, str], values: Mapping[str, str]
) -> tuple[Any, Any]:
    """An empty answer in a drawn schema, and the answer for a document.

    `data` is its structured_data, `extras` further prints by name; `values` gives the ISO date or
    plain number of printed ones.
    """
    drawn = Drawn(rng)
    flat = _flat(data) | dict(extras)
    chosen = [path for path in [*_KEYS, *_parties()] if chance(rng, 0.45)] or [
        "client_info.invoice_number"
    ]
    # What a document does not print is asked for now and then, too.
    chosen = [path for path in chosen if flat.get(path) is not None or chance(rng, 0.25)]
    rng.shuffle(chosen)
    template: dict[str, Any] = {}
    answer: dict[str, Any] = {}
    homes = {"vendor_block": drawn.key(pick(rng, _SELLER)), "client_info": drawn.key(pick(rng, _BUYER)),
             "head": drawn.key(pick(rng, _GROUPS)), "sums": drawn.key(pick(rng, _SUMS))}  # fmt: skip
    nested = {name for name in homes if chance(rng, 0.45)}
    for path in chosen:
        home, words = _home(rng, path)
        if home in ("vendor_block", "client_info") and home not in nested:
            side = homes[home]
            key = (
                side
                if path.endswith("name") and chance(rng, 0.6)
                else drawn.key(f"{side.lower()} {words}")
            )
        else:
            key = drawn.key(words)
        blank, said = _leaf(drawn, path, flat.get(path), values)
        into, from_ = template, answer
        if home in nested:
            into = template.setdefault(homes[home], {})
            from_ = answer.setdefault(homes[home], {})
            if not isinstance(into, dict):
                continue
        if key not in into:
            into[key], from_[key] = blank, said
    if chance(rng, 0.6):
        name = drawn.key(pick(rng, _LINES))
        if name not in template:
            template[name], answer[name] = _line_list(drawn, data["line_items"], values)
    return template, answer


def _line_list(
    drawn: Drawn, items: list[dict[str, Any]], values: Mapping[str, str]
) -> tuple[Any, Any]:
    rng = drawn.rng
    chosen = [path for path in _LINE if chance(rng, 0.6) and any(item[path] for item in items)]
    chosen = chosen or ["line_total"]
    if chance(rng, 0.5):
        rng.shuffle(chosen)
    keys: dict[str, str] = {}
    for path in chosen:
        key = drawn.key(pick(rng, _LINE[path]))
        if key not in keys.values():
            keys[path] = key
    blank = {key: _leaf(drawn, path, None, values)[0] for path, key in keys.items()}
    return [blank], [
        {key: _leaf(drawn, path, item[path], values)[1] for path, key in keys.items()}
        for item in items
    ]


def _leaf(
    drawn: Drawn, path: str, printed: str | None, values: Mapping[str, str]
) -> tuple[Any, Any]:
    value = None if printed is None else values.get(printed)
    if path in _DATES and drawn.iso:
        return DATE_BLANK, value
    if path in _NUMBERS and drawn.numbers:
        return 0, None if value is None else Decimal(value)
    return "", printed


def _home(rng: Random, path: str) -> tuple[str, str]:
    block, _, field = path.rpartition(".")
    if field in _PARTY and block in ("vendor_block", "client_info"):
        return block, pick(rng, _PARTY[field])
    return "sums" if block == "financial_summary" else "head", pick(rng, _KEYS[path])


def _parties() -> list[str]:
    return [f"{block}.{field}" for block in ("vendor_block", "client_info") for field in _PARTY]


def _flat(data: Mapping[str, Any]) -> dict[str, str | None]:
    blocks = ("vendor_block", "client_info", "financial_summary")
    flat = {f"{block}.{key}": value for block in blocks for key, value in data[block].items()}
    return flat | {"payment_terms": data["payment_terms"]}

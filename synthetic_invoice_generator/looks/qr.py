"""QR codes: what they say agrees with the page, and the squares to draw."""

from __future__ import annotations

from functools import cache
from typing import Literal
from urllib.parse import quote

import cv2

from erniekit_finetuning.invoice.model import Invoice

CodeKind = Literal["payment", "link"]


def code_text(invoice: Invoice, kind: CodeKind, site: str) -> str:
    """What the code says: a credit transfer (EPC069-12) of euros to an IBAN, a payment link of
    India's UPI for rupees; else the address of the invoice on the seller's `site`.
    """
    amount = invoice.totals.payable or invoice.totals.tax_inclusive
    currency = invoice.currency and invoice.currency.value
    number = invoice.number.printed if invoice.number else ""
    if kind == "payment" and amount and amount.value and amount.value > 0:
        if currency == "EUR" and invoice.accounts:
            return _credit_transfer(invoice, f"EUR{amount.value}", number)
        if currency == "INR":
            return f"upi://pay?pa=pay@{site}&am={amount.value}&cu=INR&tn={quote(number)}"
    return f"https://{site}/{quote(number)}"


def _credit_transfer(invoice: Invoice, amount: str, number: str) -> str:
    account = invoice.accounts[0]
    assert account.iban is not None
    name = invoice.seller.name.printed if invoice.seller.name else ""
    bic = account.bic.printed if account.bic else ""
    paid_for = invoice.references.payment
    rows = (
        "BCD", "002", "1", "SCT", bic, name[:70], str(account.iban.value), amount, "",
        str(paid_for.value).replace(" ", "") if paid_for else "", "" if paid_for else number,
    )  # fmt: skip
    return "\n".join(rows).rstrip("\n")


def squares(text: str) -> list[list[int]]:
    """The code of `text`, 0 for black and 255 for white, row by row, with a narrow white edge."""
    found: list[list[int]] = _encoder().encode(text).tolist()
    return found


@cache
def _encoder() -> cv2.QRCodeEncoder:
    settings = cv2.QRCodeEncoder.Params()
    settings.correction_level = cv2.QRCODE_ENCODER_CORRECT_LEVEL_M
    return cv2.QRCodeEncoder.create(settings)

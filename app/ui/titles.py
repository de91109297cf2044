"""What the fields of our shape are called on the desk; fields of other shapes by their keys."""

from __future__ import annotations

OURS = {
    "vendor_block": "Seller",
    "vendor_block.name": "Name",
    "vendor_block.address": "Address",
    "vendor_block.tax_id": "VAT id",
    "client_info": "Buyer and document",
    "client_info.name": "Buyer",
    "client_info.address": "Address",
    "client_info.tax_id": "VAT id",
    "client_info.invoice_number": "Invoice number",
    "client_info.invoice_date": "Issue date",
    "client_info.due_date": "Due date",
    "line_items": "Lines",
    "line_items[]": "Line",
    "line_items.description": "Description",
    "line_items.quantity": "Quantity",
    "line_items.unit_price": "Unit price",
    "line_items.discount": "Discount",
    "line_items.tax_rate": "Tax rate",
    "line_items.line_total": "Net amount",
    "financial_summary": "Totals",
    "financial_summary.subtotal": "Line total",
    "financial_summary.discount": "Discount",
    "financial_summary.charges": "Charges",
    "financial_summary.net_total": "Total without tax",
    "financial_summary.tax": "Tax",
    "financial_summary.grand_total": "Total with tax",
    "financial_summary.prepaid": "Prepaid",
    "financial_summary.amount_due": "Payable",
    "financial_summary.currency": "Currency",
    "payment_terms": "Payment terms",
}


def our_title(path: str) -> str:
    """The words for a field of our shape."""
    return OURS.get(path, "")


def key_title(path: str) -> str:
    """A key of a schema of one's own as words.

    >>> key_title("beleg.ausgestellt_am")
    'Ausgestellt am'
    """
    words = path.removesuffix("[]").rpartition(".")[2].replace("_", " ")
    return words[:1].upper() + words[1:]

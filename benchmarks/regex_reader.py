"""What regular expressions read from an invoice's text: the baseline of real_invoices.py.

Written as people write them: labels of three languages, the last amount of the first row that has
one, rows with two amounts as lines.
"""

from __future__ import annotations

import re

from erniekit_finetuning.invoice.model import Invoice
from erniekit_finetuning.invoice.own_json import from_own
from erniekit_finetuning.invoice.values import typed

_AMOUNT = r"-?\d{1,3}(?:[. '’]\d{3})*[.,]\d{2}\b|-?\d+[.,]\d{2}\b"
_DATE = r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}-\d{2}-\d{2}|\d{1,2}\.? [A-Za-zäéûô]{3,9}\.? \d{4}"
_NUMBER = (
    r"(?i)(?:rechnung|facture|invoice|avoir|gutschrift|credit note|belegnummer)[^\n\d]{0,30}?"
    r"(?:nr|no|n°|nummer|number|#)?[.:\s#]*((?=[\w/.-]*\d)[A-Z0-9][\w/.-]{2,})"
)
_VAT = r"\b((?:DE|FR|AT|IT|ES|NL|BE|GB|PL|CHE)[ -]?[0-9A-Z]{2}[0-9 .]{6,14}\d)\b"
_GROSS = (
    r"(?i)brutto|gesamtbetrag|inkl|ttc|total due|amount due|grand total|rechnungsbetrag|endbetrag"
)
_TAX = r"(?i)\bust\b|mwst|umsatzsteuer|\btva\b|\bvat\b|steuerbetrag|\btax\b"
_NET = r"(?i)netto|\bht\b|ohne ust|zwischensumme|net total|subtotal|warenwert|positionssumme"
_CURRENCY = r"€|EUR|GBP|USD|CHF|£|\$"


def regex_reader(text: str) -> Invoice:
    """The Invoice that the expressions find."""
    rows = [row for row in re.split(r"[\n\f]", text) if row.strip()]
    fields: dict[str, object] = {"totals": {}, "seller": {}, "buyer": {}}
    for field, pattern, group in (
        ("number", _NUMBER, 1),
        ("issue_date", _DATE, 0),
        ("currency", _CURRENCY, 0),
    ):
        found = re.search(pattern, text)
        if found:
            fields[field] = {"printed": found.group(group).strip()}
    vat = re.search(_VAT, text)
    seller: dict[str, object] = {"vat_id": {"printed": vat.group(1)}} if vat else {}
    title = r"(?i)^\W*(rechnung|facture|invoice|handelsrechnung|stylesheet|beispiel)"
    name = next((row.split("\t")[0] for row in rows if not re.search(title, row)), None)
    if name:
        seller["name"] = {"printed": name}
    fields["seller"] = seller
    totals: dict[str, object] = {}
    for key, pattern in (("tax_inclusive", _GROSS), ("tax_exclusive", _NET), ("tax_total", _TAX)):
        amounts = [re.findall(_AMOUNT, row) for row in rows if re.search(pattern, row)]
        last = next((some[-1] for some in reversed(amounts) if some), None)
        if last:
            totals[key] = {"printed": last}
    fields["totals"] = totals
    labels = "|".join((_GROSS, _TAX, _NET)).replace("(?i)", "")
    fields["lines"] = tuple(
        {"net_amount": {"printed": said[-1]}}
        for row in rows
        if len(said := re.findall(_AMOUNT, row)) >= 2 and not re.search(f"(?i){labels}", row)
    )
    return typed(from_own(fields))

"""The demo's invoices in its own schema (configs/schemas/house.schema.json): a team's own JSON.

A real team has such JSON already; the demo makes it from what the generator knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from erniekit_finetuning.data.exact_json import exact_json
from erniekit_finetuning.data.rows import read_rows
from erniekit_finetuning.data.sources.manifest import read_truth
from erniekit_finetuning.files import write_text
from erniekit_finetuning.invoice.model import Invoice, Printed
from erniekit_finetuning.invoice.own_json import from_own
from erniekit_finetuning.invoice.response import structured_data

MANIFEST = "house_manifest.json"


def house_truth(invoice: Invoice) -> dict[str, Any]:
    """An invoice in the demo's schema: null where the page does not print it.

    Dates are ISO, and counts and the totals before and after taxes are numbers; all else is as
    printed.
    """
    # What is printed once for two terms of EN 16931 stands once in it.
    sums = structured_data(invoice)["financial_summary"]
    values = _values(invoice)
    return {
        "beleg": {
            "kennung": _print(invoice.number),
            "ausgestellt_am": _day(invoice.issue_date),
            "zahlbar_bis": _day(invoice.due_date),
            "geldart": _print(invoice.currency),
        },
        "partner": {
            "von_wem": _print(invoice.seller.name),
            "fuer_wen": _print(invoice.buyer.name),
            "fuer_wen_sitz": _print(invoice.buyer.address),
        },
        "zeilen": [
            {
                "was": _print(line.description),
                "anzahl": _number(line.quantity),
                "betrag": _print(line.net_amount),
            }
            for line in invoice.lines
        ],
        "abschluss": {
            "ohne_abgaben": values.get(sums["net_total"] or sums["subtotal"]),
            "abgaben": sums["tax"],
            "zu_zahlen": values.get(sums["amount_due"] or sums["grand_total"]),
        },
    }


def write_house_manifest(folder: Path) -> Path:
    """A manifest of a generated set whose ground truths are in the demo's schema.

    Its tags are layout and locale, for the report.
    """
    path = folder / MANIFEST
    rows = (row.value for row in read_rows(str(folder / "training_manifest.json")))
    write_text(path, exact_json(list(_entries(folder, rows))), keep_same=True)
    return path


def _entries(folder: Path, rows: Iterator[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        entry = dict(row)
        file = folder / str(entry.pop("ground_truth_path"))
        truth = read_truth(file)
        tags = {"layout": truth["layout_type"], "locale": truth["made"]["locale"]}
        own = house_truth(from_own(truth["invoice"]))
        yield {**entry, "ground_truth": own, "tags": tags}


def _values(invoice: Invoice) -> dict[str | None, Decimal | None]:
    totals = vars(invoice.totals).values()
    return {total.printed: total.value for total in totals if total is not None}


def _print(value: Printed[Any] | None) -> str | None:
    return None if value is None else value.printed


def _day(value: Printed[date] | None) -> str | None:
    return None if value is None or value.value is None else value.value.isoformat()


def _number(value: Printed[Decimal] | None) -> Decimal | None:
    return None if value is None else value.value

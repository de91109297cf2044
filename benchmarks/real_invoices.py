"""How many fields of real invoices are read right: a table for the README.

    python benchmarks/real_invoices.py --folder ../shared/data/einvoices [--model M]

The folder holds pdf/*.pdf and truth.jsonl; the truth of a document counts only where it is printed.
Every document ends with an extraction or with an error that says why; anything else stops this
program.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from app.config.settings import settings_for
from app.core.models.ernie_vlm_service import ErnieVLMService
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.extraction import UnreadableAnswer
from erniekit_finetuning.invoice.model import Invoice, Printed

FIELDS = (
    *("number", "issue date", "seller", "net total", "tax", "total"),
    *("line count", "line net amounts"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--model", default="ernie-4.5-tiny")
    arguments = parser.parse_args()
    service = ErnieVLMService(settings_for(arguments.model))
    right, asked, ends = Counter[str](), Counter[str](), Counter[str]()
    with (arguments.folder / "truth.jsonl").open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    for row in rows:
        start = time.monotonic()
        found: Invoice | None = None
        try:
            read = service.extract(arguments.folder / row["pdf"])
            found = read.invoice
            end = "cut off by the token limit" if read.truncated else "extracted"
        except UnreadableAnswer as error:
            end = f"unreadable answer ({error})"
        except UnusableInput as error:
            end = f"refused ({error.problems[0].what})"
        ends[end.split(" (")[0]] += 1
        marks = dict(judged(row, found))
        asked.update(marks.keys())
        right.update(name for name, good in marks.items() if good)
        print(f"{row['id']}: {end}, {sum(marks.values())} of {len(marks)} fields, "
              f"{time.monotonic() - start:.1f} s")  # fmt: skip
    print(f"\n{len(rows)} documents: " + ", ".join(f"{n} {end}" for end, n in ends.items()))
    print("\n| field | right | printed in |\n|---|---|---|")
    for name in FIELDS:
        print(f"| {name} | {right[name]} | {asked[name]} |")
    print(f"| all | {sum(right.values())} | {sum(asked.values())} |")


def judged(row: dict[str, Any], found: Invoice | None) -> Iterator[tuple[str, bool]]:
    """Each field that the document prints, and whether it was read right."""
    truth, visible = row["truth"], row["visible"]
    found = found or Invoice()

    def printed(field: str) -> bool:
        return visible.get(field) in ("page1", "later")

    totals = found.totals
    if printed("number"):
        yield "number", _text(found.number) == _plain(truth["number"])
    if printed("issue_date"):
        date = found.issue_date
        yield "issue date", date is not None and str(date.value) == truth["issue_date"]
    if printed("seller"):
        yield "seller", _text(found.seller.name) == _plain(truth["seller"]["name"])
    for name, field, value in (
        ("net total", "tax_exclusive", totals.tax_exclusive or totals.line_total),
        ("tax", "tax_total", totals.tax_total),
        ("total", "tax_inclusive", totals.tax_inclusive or totals.payable),
    ):
        if printed(field) and truth[field] is not None:
            yield name, _amount(value) == Decimal(truth[field])
    _, shown, lines = visible["line_amounts"]
    if lines and shown == lines:
        yield "line count", len(found.lines) == len(truth["lines"])
        amounts = [_amount(line.net_amount) for line in found.lines]
        yield "line net amounts", amounts == [Decimal(x["net_amount"]) for x in truth["lines"]]


def _amount(value: Printed[Decimal] | None) -> Decimal | None:
    return None if value is None else value.value


def _text(value: Printed[str] | None) -> str | None:
    return None if value is None else _plain(value.printed)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


if __name__ == "__main__":
    main()

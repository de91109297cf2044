"""How many fields of real invoices are read right: a table for the docs.

    python benchmarks/real_invoices.py --folder ../shared/data/einvoices [--model M] [--ocr]

Ten fields a document, each counted only where the document prints it, beside regular expressions on
the same text. The folder holds pdf/*.pdf, pages/*.png and truth.jsonl. `--ocr` reads the page
images instead of the text layer. Every document ends with an extraction or with an error that says
why; anything else stops this program.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from regex_reader import regex_reader

from app.config.settings import settings_for
from app.core.models.ernie_vlm_service import ErnieVLMService
from erniekit_finetuning.documents.model import Document
from erniekit_finetuning.documents.opening import read_document
from erniekit_finetuning.documents.text import document_text
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.extraction import UnreadableAnswer
from erniekit_finetuning.invoice.model import Invoice, Printed

FIELDS = (
    *("number", "issue date", "seller", "seller VAT id", "currency", "net total", "tax", "total"),
    *("line count", "line net amounts"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--model", default="ernie-4.5-tiny")
    parser.add_argument("--ocr", action="store_true")
    arguments = parser.parse_args()
    service = ErnieVLMService(settings_for(arguments.model))
    right = {"model": Counter[str](), "regular expressions": Counter[str]()}
    asked, ends = Counter[str](), Counter[str]()
    with (arguments.folder / "truth.jsonl").open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    for row in rows:
        start = time.monotonic()
        document = opened(arguments.folder, row, arguments.ocr)
        text = document_text(document)
        read = {"regular expressions": regex_reader(text), "model": Invoice()}
        try:
            extraction = service.read(document)
            read["model"] = extraction.invoice
            end = "truncated" if extraction.truncated else "extracted"
        except UnreadableAnswer as error:
            end = f"unreadable answer ({error})"
        except UnusableInput as error:
            end = f"refused ({error.problems[0].what})"
        ends[end.split(" (")[0]] += 1
        marks = {name: dict(judged(row, text, found)) for name, found in read.items()}
        asked.update(marks["model"].keys())
        for name, some in marks.items():
            right[name].update(field for field, good in some.items() if good)
        wrong = ", ".join(field for field, good in marks["model"].items() if not good)
        count = f"{sum(marks['model'].values())} of {len(marks['model'])} fields"
        seconds = time.monotonic() - start
        print(f"{row['id']}: {end}, {count}, {seconds:.1f} s; wrong: {wrong or 'none'}")
    print(f"\n{len(rows)} documents: " + ", ".join(f"{n} {end}" for end, n in ends.items()))
    print(f"\n| field | printed in | {' | '.join(right)} |\n|---|---:|---:|---:|")
    for name in FIELDS:
        print(
            f"| {name} | {asked[name]} | {' | '.join(str(one[name]) for one in right.values())} |"
        )
    shares = (f"{one.total()} ({one.total() / asked.total():.2f})" for one in right.values())
    print(f"| all | {asked.total()} | {' | '.join(shares)} |")


def opened(folder: Path, row: dict[str, Any], ocr: bool) -> Document:
    """The document's text layer, or its page images read by OCR."""
    if not ocr:
        return read_document(folder / row["pdf"])
    pages = [read_document(folder / page).pages for page in row["pages"]]
    return Document(tuple(page for some in pages for page in some), "ocr")


def judged(row: dict[str, Any], text: str, found: Invoice) -> Iterator[tuple[str, bool]]:
    """Each field that the document prints, and whether it was read right."""
    truth, visible = row["truth"], row["visible"]

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
    vat = truth["seller"]["vat_id"]
    if vat and _letters(vat) in _letters(text):
        yield "seller VAT id", _letters(_print(found.seller.vat_id)) == _letters(vat)
    currency = truth["currency"]
    if currency and (currency in text or "€" in text):
        yield "currency", found.currency is not None and found.currency.value == currency
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


def _print(value: Printed[Any] | None) -> str:
    return "" if value is None else value.printed


def _text(value: Printed[str] | None) -> str | None:
    return None if value is None else _plain(value.printed)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _letters(text: str) -> str:
    return re.sub(r"[^0-9A-Z]", "", text.upper())


if __name__ == "__main__":
    main()

"""Are wrong readings found earlier by the queue than by chance?

    python benchmarks/queue_order.py [--seen 90] [--unseen 30]

The shipped model reads generated invoices: of the layouts that it was trained on, and of layouts
and wordings that it never met. Both are put into one queue as the service does it. Told are the
share of documents with a wrong, missing or invented field among the first fifth of the queue and
among all, which is what chance gives, and the share of all such fields that stands in the first
fifth; for the queue, and for each doubt alone. Nearly every generated invoice has a seller of its
own, so that what the queue makes of sellers is not measured here. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from app.core.learning.doubts import Doubts, doubts_of
from app.core.learning.queue import Candidate, queued
from app.core.models.ernie_vlm_service import ErnieVLMService
from erniekit_finetuning.documents.model import Document
from erniekit_finetuning.evaluation.matching import Verdict, match
from erniekit_finetuning.evaluation.said import in_invoice
from erniekit_finetuning.evaluation.truth import read_by_rules
from erniekit_finetuning.extraction import Extraction
from erniekit_finetuning.invoice.model import Invoice
from synthetic_invoice_generator.config import load_config
from synthetic_invoice_generator.dataset.stream import pdf_documents

SEED = 6203
GENERATORS = Path(__file__).parents[1] / "configs/generator"
CLIENTS = 8


class Read(NamedTuple):
    """A document's doubts, and how many of its fields were read wrongly."""

    doubts: Doubts
    errors: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seen", type=int, default=90)
    parser.add_argument("--unseen", type=int, default=30)
    options = parser.parse_args()
    counts = {"pretrain.yaml": options.seen, "unseen.yaml": options.unseen}
    made = list(
        chain.from_iterable(
            pdf_documents(load_config(GENERATORS / name), SEED, 0, count)
            for name, count in counts.items()
        )
    )
    service = ErnieVLMService({"ernie_vl": {"timeout_seconds": 3600}})

    def read(job: tuple[Invoice, Document]) -> Read:
        truth, document = job
        found = service.read(document)
        assert isinstance(found, Extraction)
        said = [in_invoice(read_by_rules(one).invoice) for one in (truth, found.invoice)]
        errors = sum(one.verdict is not Verdict.CORRECT for one in match(*said))
        return Read(doubts_of(found), errors)

    with ThreadPoolExecutor(CLIENTS) as clients:
        rows = list(clients.map(read, made))
    service.close()
    sets = {"seen": rows[: options.seen], "seen and unseen": rows}
    print(json.dumps({name: report(some) for name, some in sets.items()}, indent=2))


def report(rows: list[Read]) -> dict[str, object]:
    by_name = {str(number): row for number, row in enumerate(rows)}
    waiting = queued(Candidate(name, name, row.doubts, False) for name, row in by_name.items())
    orders = {
        "queue": [by_name[one.id] for one in waiting],
        "confidence alone": ordered(rows, lambda one: -one.unsure),
        "failed rules alone": ordered(rows, lambda one: -len(one.failed)),
    }
    wrong = sum(row.errors > 0 for row in rows) / len(rows)
    chance = {"documents_wrong": round(wrong, 3), "of_wrong_fields": 0.2}
    told = {name: first_fifth(order) for name, order in orders.items()}
    return {"documents": len(rows), "chance": chance, **told}


def ordered(rows: list[Read], key: Callable[[Doubts], float]) -> list[Read]:
    return sorted(rows, key=lambda row: key(row.doubts))


def first_fifth(order: list[Read]) -> dict[str, float]:
    """How many of its documents are wrong, and its share of all wrong fields."""
    first = order[: len(order) // 5]
    wrong = sum(row.errors > 0 for row in first) / len(first)
    fields = sum(row.errors for row in first) / sum(row.errors for row in order)
    return {"documents_wrong": round(wrong, 3), "of_wrong_fields": round(fields, 3)}


if __name__ == "__main__":
    main()

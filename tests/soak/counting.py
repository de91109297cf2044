"""What clients were told against what was kept: each once."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from sqlalchemy import select

from app.core.learning.store import Store
from app.core.learning.tables import Correction, KeptDocument
from tests.soak.tally import Tally


def broken_counts(folder: Path, tally: Tally, told: dict[str, int]) -> dict[str, int]:
    """Hold documents, corrections and the export against the tally, and its counts against `told`.

    `told`: requests by route and status, as the service counted them.
    """
    store = Store(f"sqlite:///{folder / 'store.db'}", folder)
    with store.session() as session:
        documents = set(session.scalars(select(KeptDocument.id)))
        corrections = Counter(session.scalars(select(Correction.reviewer)))
    lines = (folder / "active_learning.jsonl").read_text().splitlines()
    exported = Counter(json.loads(line)["user_id"] for line in lines)
    files = {one.name for one in store.documents.iterdir()}
    promises = {
        "a document id was given twice": all(count == 1 for count in tally.read.values()),
        "documents are kept that nobody was answered, or not kept": documents == set(tally.read),
        "files without a document, or documents without a file": len(files) == len(documents),
        "a correction was doubled": max(corrections.values(), default=0) <= 1,
        "an accepted correction was lost": tally.accepted <= set(corrections),
        "a correction was kept that nobody sent": set(corrections)
        <= tally.accepted | tally.unanswered,
        "the export is not the database": exported == corrections,
        "the service counted a 500": not any(key.endswith(" 500") for key in told),
        "the service counted other readings": told.get("/v1/invoices:extract 200", 0)
        == len(tally.read),
    }
    for broken, held in promises.items():
        if not held:
            tally.break_(broken)
    return {
        "documents": len(documents),
        "readings answered": len(tally.read),
        "corrections accepted": len(tally.accepted),
        "corrections in the database": corrections.total(),
        "corrections in the export": exported.total(),
        **{f"counted by the service: {key}": count for key, count in sorted(told.items())},
    }

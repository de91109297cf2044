"""Generated documents as the text that documents/ reads, cached on disk in shards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from rich.progress import track

from erniekit_finetuning.base.curriculum import Labelled
from erniekit_finetuning.documents.text import document_text
from erniekit_finetuning.files import write_jsonl
from erniekit_finetuning.invoice.response import structured_data
from synthetic_invoice_generator.config import load_config
from synthetic_invoice_generator.dataset.stream import pdf_documents

SHARD = 500


def build(folder: Path, generator: Path, seed: int, count: int, workers: int) -> None:
    """Draw `count` documents into shards under `folder`; shards that are there are kept."""
    missing = [start for start in range(0, count, SHARD) if not _shard(folder, start).exists()]
    with ProcessPoolExecutor(workers) as pool:
        jobs = [
            pool.submit(
                _draw, _shard(folder, start), generator, seed, start, min(SHARD, count - start)
            )
            for start in missing
        ]
        for job in track(as_completed(jobs), "documents", total=len(jobs)):
            job.result()


def read(folder: Path) -> Iterator[Labelled]:
    """Every cached document, in order."""
    for shard in sorted(folder.glob("*.jsonl")):
        with shard.open(encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                yield Labelled(row["text"], row["data"])


def _shard(folder: Path, start: int) -> Path:
    return folder / f"{start:07d}.jsonl"


def _draw(shard: Path, generator: Path, seed: int, start: int, count: int) -> None:
    write_jsonl(
        shard,
        (
            {"text": document_text(document), "data": structured_data(invoice)}
            for invoice, document in pdf_documents(load_config(generator), seed, start, count)
        ),
    )

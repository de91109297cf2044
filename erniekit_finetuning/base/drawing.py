"""Documents of a corpus made in parallel: drawn by typst and read back from their PDF, or set."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

from rich.progress import track

from erniekit_finetuning.base.corpus import SHARD, Form, Labelled, shard
from erniekit_finetuning.base.set_documents import set_document
from erniekit_finetuning.base.truth import truthful
from erniekit_finetuning.documents.pdf import read_pdf
from erniekit_finetuning.documents.text import document_text
from erniekit_finetuning.files import write_jsonl
from erniekit_finetuning.invoice.response import structured_data
from synthetic_invoice_generator.config import GeneratorConfig, load_config
from synthetic_invoice_generator.draft import draft
from synthetic_invoice_generator.looks.rendering import render_pdf


def build(folder: Path, generator: Path, seed: int, count: int, form: Form, workers: int) -> None:
    """Make `count` documents into shards under `folder`; shards that are there are kept."""
    missing = [start for start in range(0, count, SHARD) if not shard(folder, start).exists()]
    if not missing:
        return
    with ProcessPoolExecutor(workers) as pool:
        jobs = [
            pool.submit(_make, folder, generator, seed, start, min(SHARD, count - start), form)
            for start in missing
        ]
        for job in track(as_completed(jobs), f"documents {form}", total=len(jobs)):
            job.result()


def documents(
    config: GeneratorConfig, seed: int, start: int, count: int, form: Form
) -> Iterator[Labelled]:
    """Documents `start` to `start + count - 1` of a seed, without those that lose a value."""
    make = drawn_document if form == "drawn" else set_document
    made = (make(config, seed, index) for index in range(start, start + count))
    return (document for document in made if document is not None)


def drawn_document(config: GeneratorConfig, seed: int, index: int) -> Labelled | None:
    """Document `index` of a seed, or None where the text of its PDF lost a value."""
    made = draft(config, seed, index)
    text = document_text(read_pdf(render_pdf(made.invoice, made.style)))
    return truthful(made.invoice, text, structured_data(made.invoice))


def _make(folder: Path, generator: Path, seed: int, start: int, count: int, form: Form) -> None:
    made = documents(load_config(generator), seed, start, count, form)
    write_jsonl(shard(folder, start), map(asdict, made))

"""Generated documents as the text that documents/ reads, cached on disk in shards.

Some are drawn by typst and read back from their PDF, others are set as text pages (`text_page`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Literal, get_args

from rich.progress import track

from erniekit_finetuning.base.setting import Source
from erniekit_finetuning.base.text_page import text_page
from erniekit_finetuning.documents.pdf import read_pdf
from erniekit_finetuning.documents.text import document_text
from erniekit_finetuning.files import write_jsonl
from erniekit_finetuning.invoice.model import Invoice
from erniekit_finetuning.invoice.response import structured_data
from erniekit_finetuning.invoice.walk import leaves
from synthetic_invoice_generator.config import GeneratorConfig, load_config
from synthetic_invoice_generator.draft import Draft, draft
from synthetic_invoice_generator.looks.rendering import render_pdf
from synthetic_invoice_generator.looks.view import page_view

SHARD = 500
Form = Literal["drawn", "set"]
FORMS: tuple[Form, ...] = get_args(Form)


def exact_key(form: Form) -> str:
    """The metric of a run: the share of held-out documents of a form right to the letter."""
    return f"{form}_exact"


@dataclass(frozen=True)
class Labelled:
    """A document's text and what it says.

    `data` is its structured_data, `extras` are further prints by name, `values` the ISO date or
    plain number of each print that has one.
    """

    text: str
    data: Mapping[str, Any]
    extras: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)


def build(folder: Path, generator: Path, seed: int, count: int, form: Form, workers: int) -> None:
    """Make `count` documents into shards under `folder`; shards that are there are kept.

    Documents that lose a value on the way to text are left out: no answer could be read from them.
    """
    missing = [start for start in range(0, count, SHARD) if not _shard(folder, start).exists()]
    with ProcessPoolExecutor(workers) as pool:
        jobs = [
            pool.submit(
                _make,
                _shard(folder, start),
                generator,
                seed,
                start,
                min(SHARD, count - start),
                form,
            )
            for start in missing
        ]
        for job in track(as_completed(jobs), f"documents {form}", total=len(jobs)):
            job.result()


def rows(folder: Path) -> Iterator[str]:
    """Every cached document as its JSON, in order: a tenth of the memory of what it holds."""
    for shard in sorted(folder.glob("*.jsonl")):
        with shard.open(encoding="utf-8") as file:
            yield from file


def labelled(row: str) -> Labelled:
    """The document of a cached row."""
    return Labelled(**json.loads(row))


def read(folder: Path) -> Iterator[Labelled]:
    """Every cached document, in order."""
    return map(labelled, rows(folder))


def documents(
    config: GeneratorConfig, seed: int, start: int, count: int, form: Form
) -> Iterator[Labelled]:
    """Documents `start` to `start + count - 1` of a set, without those that lose a value."""
    for index in range(start, start + count):
        made = draft(config, seed, index)
        data: Mapping[str, Any] = structured_data(made.invoice)
        if form == "drawn":
            text = document_text(read_pdf(render_pdf(made.invoice, made.style)))
        else:
            other = draft(config, seed, index + 1)
            source = _source(made)
            text, data = text_page(Random(f"{seed}/{index}/text"), source, _source(other))
        if all(row in text for row in printed_rows(data)):
            extras = {key: print_ for key, print_ in _extras(made.invoice) if print_ in text}
            yield Labelled(text, data, extras, _values(made.invoice))


def _source(made: Draft) -> Source:
    view, data = page_view(made.invoice, made.style), structured_data(made.invoice)
    labels = {str(key): label for key, label in made.style.labels.items()}
    return Source(view, labels, made.locale[:2], data)


def prints(data: Any) -> Iterator[str]:
    """Every string below a value."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, Mapping):
        for value in data.values():
            yield from prints(value)
    elif isinstance(data, list):
        for value in data:
            yield from prints(value)


def printed_rows(data: Any) -> Iterator[str]:
    """Every row of the strings below a value."""
    for print_ in prints(data):
        yield from print_.split("\n")


def _extras(invoice: Invoice) -> Iterator[tuple[str, str]]:
    found = {
        "order_number": invoice.references.order,
        "tax_number": invoice.seller.tax_number,
        "iban": invoice.accounts[0].iban if invoice.accounts else None,
        "bic": invoice.accounts[0].bic if invoice.accounts else None,
    }
    return ((key, value.printed) for key, value in found.items() if value is not None)


def _values(invoice: Invoice) -> dict[str, str]:
    return {
        one.printed: str(one.value)
        for _, one in leaves(invoice)
        if one.value is not None and not isinstance(one.value, str)
    }


def _shard(folder: Path, start: int) -> Path:
    return folder / f"{start:07d}.jsonl"


def _make(shard: Path, generator: Path, seed: int, start: int, count: int, form: Form) -> None:
    made = documents(load_config(generator), seed, start, count, form)
    write_jsonl(shard, map(asdict, made))

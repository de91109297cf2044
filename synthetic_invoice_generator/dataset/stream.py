"""Documents without files or images, as fast as they can be made: for pre-training."""

from __future__ import annotations

from collections.abc import Iterator

from erniekit_finetuning.documents.model import Document
from erniekit_finetuning.documents.pdf import read_pdf
from erniekit_finetuning.invoice.model import Invoice
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.draft import draft
from synthetic_invoice_generator.looks.rendering import render_pdf


def pdf_documents(
    config: GeneratorConfig, seed: int, start: int, count: int
) -> Iterator[tuple[Invoice, Document]]:
    """Documents `start` to `start + count - 1` of the set, each as its truth and its words.

    Give every worker process a range of its own. The truth carries no places: `located` adds them.
    """
    for index in range(start, start + count):
        made = draft(config, seed, index)
        yield made.invoice, read_pdf(render_pdf(made.invoice, made.style))

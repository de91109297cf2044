"""Pages per CPU-second of the generator, beside the bare cost of drawing the same pages.

    python benchmarks/bench_generator.py [documents]

Bare is what no generator can avoid: typst to PDF, PDF to pixels, pixels to PNG on disk. The full
path also draws the scenario, reads the word boxes, locates the truth and writes it. `stream` is
`pdf_documents`: no image, no file. All three run interleaved, document by document, on one core, so
that a busy machine slows them alike. The result is one JSON object on stdout.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from erniekit_finetuning.files import write_bytes
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.dataset.document_files import FOLDERS, write_document
from synthetic_invoice_generator.dataset.stream import pdf_documents
from synthetic_invoice_generator.draft import draft
from synthetic_invoice_generator.looks.png import png_bytes
from synthetic_invoice_generator.looks.rendering import DPI, page_pixels, render_pdf

SEED = 77
WARM_UP = 8  # documents made before the clock starts: fonts, locales and names are read once


def bare(output: Path, documents: int) -> Callable[[int], None]:
    """Drawing alone, of drafts made beforehand from another seed: typst keeps what it compiled."""
    drafts = [draft(GeneratorConfig(), SEED + 1, index) for index in range(documents)]

    def run(index: int) -> None:
        pdf = render_pdf(drafts[index].invoice, drafts[index].style)
        for pixels in page_pixels(pdf, DPI):
            write_bytes(output / f"{index}.png", png_bytes(pixels, DPI))

    return run


def main() -> None:
    documents = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    total = documents + WARM_UP
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder)
        for name in FOLDERS:
            (output / name).mkdir()
        config = GeneratorConfig()
        stream = pdf_documents(config, SEED + 2, 0, total)
        jobs: dict[str, Callable[[int], object]] = {
            "bare": bare(output, total),
            "full": lambda index: write_document(output, config, SEED, index),
            "stream": lambda index: next(stream),
        }
        spent = dict.fromkeys(jobs, 0.0)
        for index in range(total):
            for name, job in jobs.items():
                before = time.process_time()
                job(index)
                if index >= WARM_UP:
                    spent[name] += time.process_time() - before
    rates = {f"{name}_documents_per_cpu_s": round(documents / s, 1) for name, s in spent.items()}
    print(json.dumps(rates | {"full_to_bare": round(spent["full"] / spent["bare"], 2)}))


if __name__ == "__main__":
    main()

"""Finished pages per CPU-second of the generator, beside the bare cost of drawing and other tools.

    python benchmarks/bench_generator.py [documents]

`full` is the whole generator: scenario, drawing, word boxes, truth with places, all files of a set.
`bare` is what no generator with these tools can avoid, of drafts made beforehand: typst to PDF, PDF
to pixels, pixels to PNG, PDF and PNG written. `reportlab` (canvas to PDF, then pixels) and `pillow`
(pixels alone) draw the same strings (drawing_peers.py) without word boxes and truth, and save PNG
with Pillow, as their users do; `.._our_png` are the same with our encoder. `stream` is
`pdf_documents`: no image, no file. All run interleaved, document by document, on one core, so that
a busy machine slows them alike. Locales in Latin letters only: reportlab draws no OpenType CJK
faces. The result is one JSON object on stdout.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from drawing_peers import OnPillow, OnReportlab, draw_invoice
from PIL import Image

from erniekit_finetuning.documents.pdf import read_pdf
from erniekit_finetuning.files import write_bytes
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.dataset.document_files import FOLDERS, write_document
from synthetic_invoice_generator.dataset.stream import pdf_documents
from synthetic_invoice_generator.draft import draft
from synthetic_invoice_generator.locale import load_locale, locale_codes
from synthetic_invoice_generator.looks.png import png_bytes
from synthetic_invoice_generator.looks.rendering import DPI, Pixels, page_pixels, render_pdf
from synthetic_invoice_generator.looks.view import page_view

SEED = 77
WARM_UP = 8  # documents made before the clock starts: fonts, locales and names are read once
LATIN = {code: 1.0 for code in locale_codes() if load_locale(code).script == "latin"}
CONFIG = GeneratorConfig(locales=LATIN)
Job = Callable[[int], int]  # draws one document, gives its pages
Encode = Callable[[Pixels, int], bytes]
Views = list[dict[str, Any]]


def bare(output: Path, documents: int) -> Job:
    """Drawing alone, of drafts made beforehand from another seed: typst keeps what it compiled."""
    drafts = [draft(CONFIG, SEED + 1, index) for index in range(documents)]

    def run(index: int) -> int:
        pdf = render_pdf(drafts[index].invoice, drafts[index].style)
        return files(output, "bare", index, pdf, png_bytes)

    return run


def reportlab(output: Path, views: Views, encode: Encode) -> Job:
    def run(index: int) -> int:
        canvas = OnReportlab()
        draw_invoice(views[index], canvas)
        return files(output, "reportlab", index, canvas.pdf(), encode)

    return run


def pillow(output: Path, views: Views, encode: Encode) -> Job:
    def run(index: int) -> int:
        canvas = OnPillow()
        draw_invoice(views[index], canvas)
        pages = canvas.pages()
        for page, pixels in enumerate(pages):
            write_bytes(output / f"pillow-{index}-{page}.png", encode(pixels, DPI))
        return len(pages)

    return run


def pillow_png(pixels: Pixels, dpi: int) -> bytes:
    """PNG as Pillow saves it."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", dpi=(dpi, dpi))
    return file.getvalue()


def drawn_views(documents: int) -> Views:
    """What `full` draws, as strings."""
    drafts = (draft(CONFIG, SEED, index) for index in range(documents))
    return [page_view(made.invoice, made.style) for made in drafts]


def files(output: Path, name: str, index: int, pdf: bytes, encode: Encode) -> int:
    """Write a PDF and its pages; returns how many."""
    write_bytes(output / f"{name}-{index}.pdf", pdf)
    page = 0
    for page, pixels in enumerate(page_pixels(pdf, DPI), start=1):
        write_bytes(output / f"{name}-{index}-{page}.png", encode(pixels, DPI))
    return page


def full(output: Path) -> Job:
    for name in FOLDERS:
        (output / name).mkdir()
    return lambda index: write_document(output, CONFIG, SEED, index)


def stream(documents: int) -> Job:
    made = pdf_documents(CONFIG, SEED + 2, 0, documents)
    return lambda index: len(next(made)[1].pages)


def check_peer(output: Path, index: int) -> None:
    """The peer's page says what ours says: a comparison with less on the page would be idle."""
    invoice = draft(CONFIG, SEED, index).invoice
    document = read_pdf(output / f"reportlab-{index}.pdf")
    there = "".join(word.text for page in document.pages for word in page.words)
    for line in invoice.lines:
        for value in (line.description, line.net_amount):
            for row in value.printed.split("\n") if value else ():
                assert "".join(row.split()) in there, row


def main() -> None:
    documents = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    total = documents + WARM_UP
    with tempfile.TemporaryDirectory() as folder:
        output, views = Path(folder), drawn_views(total)
        jobs: dict[str, Job] = {
            "full": full(output),
            "bare": bare(output, total),
            "reportlab": reportlab(output, views, pillow_png),
            "reportlab_our_png": reportlab(output, views, png_bytes),
            "pillow": pillow(output, views, pillow_png),
            "pillow_our_png": pillow(output, views, png_bytes),
            "stream": stream(total),
        }
        spent: Counter[str] = Counter()
        pages: Counter[str] = Counter()
        for index in range(total):
            for name, job in jobs.items():
                before = time.process_time()
                drawn = job(index)
                if index >= WARM_UP:
                    spent[name] += time.process_time() - before  # type: ignore[assignment]
                    pages[name] += drawn
            check_peer(output, index)
    rates = {name: pages[name] / spent[name] for name in jobs}
    result = {f"{name}_pages_per_cpu_s": round(rate, 1) for name, rate in rates.items()}
    ratios = {"full_to_bare_cost": round(rates["bare"] / rates["full"], 2)}
    for peer in ("reportlab", "reportlab_our_png", "pillow", "pillow_our_png"):
        ratios[f"full_to_{peer}_speed"] = round(rates["full"] / rates[peer], 2)
    print(json.dumps({"documents": documents} | result | ratios, indent=1))


if __name__ == "__main__":
    main()

"""The files of one document: PDF, page images, words, and last its ground truth."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from erniekit_finetuning.documents.locate import located
from erniekit_finetuning.documents.pdf import read_pdf
from erniekit_finetuning.files import write_bytes, write_json, write_text
from erniekit_finetuning.invoice.ground_truth import to_ground_truth
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.draft import draft
from synthetic_invoice_generator.png import png_bytes
from synthetic_invoice_generator.rendering import DPI, page_pixels, render_pdf

FOLDERS = ("images", "pdfs", "words", "ground_truth")


def document_name(index: int) -> str:
    """The name of document `index` (from 0): "inv-000001" is the first."""
    return f"inv-{index + 1:06d}"


def image_name(index: int, page: int) -> str:
    """The image of page `page` (from 1) of document `index`."""
    return f"{document_name(index)}-{page}.png"


def write_document(output: Path, config: GeneratorConfig, seed: int, index: int) -> None:
    """Make document `index` and write its files under `output`.

    The ground truth is written last: a document that has one is whole.
    """
    made = draft(config, seed, index)
    pdf = render_pdf(made.invoice, made.style)
    words, name = read_pdf(pdf), document_name(index)
    for page, pixels in enumerate(page_pixels(pdf, DPI), start=1):
        write_bytes(output / "images" / image_name(index, page), png_bytes(pixels, DPI))
    write_bytes(output / "pdfs" / f"{name}.pdf", pdf)
    text = json.dumps(words.to_json(), ensure_ascii=False)
    write_text(output / "words" / f"{name}.json", text + "\n")
    truth = to_ground_truth(located(made.invoice, words), made.style.family)
    truth["fault"] = None if made.fault is None else asdict(made.fault)
    write_json(output / "ground_truth" / f"{name}.json", truth)


def pages_of(output: Path, index: int) -> int:
    """How many pages document `index` has on disk; 0 when any of its files is missing."""
    name = document_name(index)
    needed = [output / "ground_truth" / f"{name}.json", output / "pdfs" / f"{name}.pdf"]
    words = output / "words" / f"{name}.json"
    if not all(path.exists() for path in [*needed, words]):
        return 0
    pages = len(json.loads(words.read_text(encoding="utf-8"))["pages"])
    images = (output / "images" / image_name(index, page + 1) for page in range(pages))
    return pages if all(path.exists() for path in images) else 0

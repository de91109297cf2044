"""The files of one document: PDF, page images, words, and last its ground truth."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from erniekit_finetuning.documents.locate import located
from erniekit_finetuning.documents.pdf import read_pdf
from erniekit_finetuning.files import write_bytes, write_json, write_text
from erniekit_finetuning.invoice.ground_truth import to_ground_truth
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.dataset.splits import split_of
from synthetic_invoice_generator.draft import draft
from synthetic_invoice_generator.looks.png import png_bytes
from synthetic_invoice_generator.looks.rendering import DPI, page_pixels, render_pdf
from synthetic_invoice_generator.scans.moving import moved_document, moved_places
from synthetic_invoice_generator.scans.tiers import Tier, scanned

FOLDERS = ("images", "pdfs", "words", "ground_truth")


def document_name(index: int) -> str:
    """The name of document `index` (from 0): "inv-000001" is the first."""
    return f"inv-{index + 1:06d}"


def image_name(index: int, page: int, tier: Tier) -> str:
    """The image of page `page` (from 1) of document `index`: as drawn, or as scanned."""
    return f"{document_name(index)}-{page}.{'png' if tier is Tier.CLEAN else 'jpg'}"


def write_document(output: Path, config: GeneratorConfig, seed: int, index: int) -> None:
    """Make document `index` and write its files under `output`.

    Words and places speak of the images; the truth of a scan says how its pages lie in them. The
    ground truth is written last: a document that has one is whole.
    """
    made = draft(config, seed, index)
    pdf = render_pdf(made.invoice, made.style)
    words, name = read_pdf(pdf), document_name(index)
    invoice, scan = located(made.invoice, words), None
    if made.tier is Tier.CLEAN:
        images = [png_bytes(pixels, DPI) for pixels in page_pixels(pdf, DPI)]
    else:
        rng = np.random.default_rng([seed, index])
        scans = [scanned(page, made.tier, rng, config.effects) for page in page_pixels(pdf, DPI)]
        images = [one.jpeg for one in scans]
        maps = [one.page_map for one in scans]
        words, invoice = moved_document(words, maps), moved_places(invoice, maps)
        scan = [{"strengths": one.strengths, "page_map": one.page_map.tolist()} for one in scans]
    for page, image in enumerate(images, start=1):
        write_bytes(output / "images" / image_name(index, page, made.tier), image)
    write_bytes(output / "pdfs" / f"{name}.pdf", pdf)
    text = json.dumps(words.to_json(), ensure_ascii=False)
    write_text(output / "words" / f"{name}.json", text + "\n")
    truth = to_ground_truth(invoice, made.style.family)
    truth["made"] = {
        "locale": made.locale,
        "document": made.document,
        "split": split_of(config, seed, index, made.style.family),
        "tier": made.tier,
        "scan": scan,
        "fault": None if made.fault is None else asdict(made.fault),
    }
    write_json(output / "ground_truth" / f"{name}.json", truth)


def images_of(output: Path, index: int) -> tuple[str, ...]:
    """The images of document `index` in page order; () when any of its files is missing."""
    name = document_name(index)
    words = output / "words" / f"{name}.json"
    needed = [output / "ground_truth" / f"{name}.json", output / "pdfs" / f"{name}.pdf", words]
    if not all(path.exists() for path in needed):
        return ()
    pages = len(json.loads(words.read_text(encoding="utf-8"))["pages"])
    for tier in (Tier.CLEAN, Tier.SCAN):
        images = tuple(image_name(index, page + 1, tier) for page in range(pages))
        if all((output / "images" / image).exists() for image in images):
            return images
    return ()

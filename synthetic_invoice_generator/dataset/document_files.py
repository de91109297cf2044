"""The files of one document: PDF, page images, words, and last its ground truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson

from erniekit_finetuning.documents.locate import located
from erniekit_finetuning.documents.model import Document, Page
from erniekit_finetuning.documents.pdf import open_pdf, read_page
from erniekit_finetuning.files import write_bytes
from erniekit_finetuning.invoice.ground_truth import to_ground_truth
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.dataset.splits import split_of
from synthetic_invoice_generator.draft import Draft, draft
from synthetic_invoice_generator.looks.foot_view import qr_text
from synthetic_invoice_generator.looks.png import png_bytes
from synthetic_invoice_generator.looks.rendering import DPI, pixels_of, render_pdf
from synthetic_invoice_generator.scans.moving import moved_document, moved_places
from synthetic_invoice_generator.scans.tiers import Effect, Scan, Tier, scanned

FOLDERS = ("images", "pdfs", "words", "ground_truth")


class _Drawn(NamedTuple):
    """A page's words as drawn, its image file, and how the image was taken (None: as drawn)."""

    page: Page
    image: bytes
    scan: Scan | None


def document_name(index: int) -> str:
    """The name of document `index` (from 0): "inv-000001" is the first."""
    return f"inv-{index + 1:06d}"


def image_name(index: int, page: int, tier: Tier) -> str:
    """The image of page `page` (from 1) of document `index`: as drawn, or as scanned."""
    return f"{document_name(index)}-{page}.{'png' if tier is Tier.CLEAN else 'jpg'}"


def write_document(output: Path, config: GeneratorConfig, seed: int, index: int) -> int:
    """Make document `index` and write its files under `output`; returns its number of pages.

    Words and places speak of the images; the truth of a scan says how its pages lie in them. The
    ground truth is written last: a document that has one is whole.
    """
    made, name = draft(config, seed, index), document_name(index)
    pdf = render_pdf(made.invoice, made.style)
    pages = _pages(pdf, made.tier, np.random.default_rng([seed, index]), config.effects)
    words = Document(tuple(drawn.page for drawn in pages))
    invoice = located(made.invoice, words)
    scans = [drawn.scan for drawn in pages if drawn.scan]
    if scans:
        maps = [scan.page_map for scan in scans]
        words, invoice = moved_document(words, maps), moved_places(invoice, maps)
    for page, drawn in enumerate(pages, start=1):
        write_bytes(output / "images" / image_name(index, page, made.tier), drawn.image)
    write_bytes(output / "pdfs" / f"{name}.pdf", pdf)
    write_bytes(output / "words" / f"{name}.json", orjson.dumps(words.to_json()))
    truth = to_ground_truth(invoice, made.style.family)
    truth["made"] = _how(made, scans) | {"split": split_of(config, seed, index, made.style.family)}
    indented = orjson.dumps(truth, option=orjson.OPT_INDENT_2)
    write_bytes(output / "ground_truth" / f"{name}.json", indented)
    return len(pages)


def _pages(
    pdf: bytes, tier: Tier, rng: np.random.Generator, effects: Mapping[Effect, float]
) -> list[_Drawn]:
    pages = []
    with open_pdf(pdf) as document:
        for page in document:
            pixels = pixels_of(page)
            if tier is Tier.CLEAN:
                pages.append(_Drawn(read_page(page), png_bytes(pixels, DPI), None))
            else:
                scan = scanned(pixels, tier, rng, effects)
                pages.append(_Drawn(read_page(page), scan.jpeg, scan))
    return pages


def _how(made: Draft, scans: list[Scan]) -> dict[str, Any]:
    """How a document was made, beside what it says."""
    return {
        "locale": made.locale,
        "document": made.document,
        "tier": made.tier,
        "scan": [
            {
                "strengths": {str(effect): scan.strengths[effect] for effect in scan.strengths},
                "page_map": scan.page_map.tolist(),
            }
            for scan in scans
        ]
        or None,
        "qr": qr_text(made.invoice, made.style),
        "fault": None if made.fault is None else asdict(made.fault),
    }


def images_of(output: Path, index: int) -> tuple[str, ...]:
    """The images of document `index` in page order; () when any of its files is missing."""
    name = document_name(index)
    words = output / "words" / f"{name}.json"
    needed = [output / "ground_truth" / f"{name}.json", output / "pdfs" / f"{name}.pdf", words]
    if not all(path.exists() for path in needed):
        return ()
    pages = len(orjson.loads(words.read_bytes())["pages"])
    for tier in (Tier.CLEAN, Tier.SCAN):
        images = tuple(image_name(index, page + 1, tier) for page in range(pages))
        if all((output / "images" / image).exists() for image in images):
            return images
    return ()

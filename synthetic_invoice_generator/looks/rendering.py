"""Drawing: typst makes the PDF, pypdfium2 the page images."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import pypdfium2
import typst
from PIL import Image

from erniekit_finetuning.invoice.model import Invoice
from synthetic_invoice_generator.looks.fonts import book
from synthetic_invoice_generator.looks.style import Family, Style
from synthetic_invoice_generator.looks.view import page_view

Pixels = npt.NDArray[np.uint8]
LAYOUTS = Path(__file__).parent.parent / "layouts"
DPI = 150


def render_pdf(invoice: Invoice, style: Style) -> bytes:
    """The invoice drawn in `style`. The same arguments give the same bytes."""
    data = json.dumps(page_view(invoice, style), ensure_ascii=False)
    # A fixed time stamp and no tags: the bytes depend on the content alone, and compile faster.
    made = _compiler(style.family, os.getpid()).compile(
        format="pdf", sys_inputs={"data": data}, timestamp=0, pdf_tags=False
    )
    return cast(bytes, made)


@cache
def _compiler(family: Family, process: int) -> typst.Compiler:
    """One compiler a family and process."""
    path, fonts = LAYOUTS / f"{family}.typ", book(process)
    return typst.Compiler(str(path), root=str(LAYOUTS), font_paths=fonts)


def page_pixels(pdf: bytes, dpi: int = DPI) -> Iterator[Pixels]:
    """Each page as RGB pixels of shape (height, width, 3)."""
    with pypdfium2.PdfDocument(pdf) as document:
        for page in document:
            yield pixels_of(page, dpi)


def pixels_of(page: pypdfium2.PdfPage, dpi: int = DPI) -> Pixels:
    """One open page as RGB pixels of shape (height, width, 3)."""
    bitmap = page.render(scale=dpi / 72, rev_byteorder=True)
    return np.array(bitmap.to_numpy()[..., :3])


def render_pages(pdf: bytes, dpi: int = DPI) -> list[Image.Image]:
    """One RGB image a page."""
    return [Image.fromarray(pixels) for pixels in page_pixels(pdf, dpi)]

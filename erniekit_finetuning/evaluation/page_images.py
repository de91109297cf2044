"""Page images for a report: small JPEG data URIs, never a reason to fail."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from PIL import Image

from erniekit_finetuning.documents.limits import MAX_PIXELS
from erniekit_finetuning.documents.picture import jpeg
from erniekit_finetuning.errors import UnusableInput

_WIDTH = 900
_QUALITY = 72
_DPI = 110  # of a PDF's pages
# What Pillow and pdfium raise for damaged and hostile files.
_UNSHOWABLE = (
    UnusableInput, OSError, SyntaxError, ValueError, RuntimeError, Image.DecompressionBombError,
)  # fmt: skip


def page_uris(images: Sequence[str], base: Path, most: int) -> list[str]:
    """The first pages as data URIs, 900 pixels wide at most, up to one that cannot be shown.

    A relative name is looked up from `base`, then from the working folder. A PDF has its pages.
    """
    found: list[str] = []
    try:
        for page in islice(_pages(images, base), most):
            found.append(_uri(jpeg(page, _WIDTH, _QUALITY), "image/jpeg"))
    except _UNSHOWABLE:  # costs the picture, not the report
        pass
    return found


def file_uri(path: Path, media_type: str) -> str:
    """A file as it is, as a data URI."""
    return _uri(path.read_bytes(), media_type)


def _uri(data: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def _pages(images: Sequence[str], base: Path) -> Iterator[Image.Image]:
    for name in images:
        path = next(path for path in (base / name, Path(name)) if path.is_file())
        if path.suffix.lower() == ".pdf":
            from erniekit_finetuning.documents.pdf import open_pdf, render_page

            with open_pdf(path.read_bytes()) as document:
                count = len(document)
            for number in range(count):
                yield render_page(path, number, _DPI)
        else:
            with Image.open(path) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise ValueError("larger than a page")
                yield image.convert("RGB")

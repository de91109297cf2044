"""A page as a person sees it: a JPEG that a browser shows quickly."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from PIL import Image

from erniekit_finetuning.documents.opening import is_pdf, page_images
from erniekit_finetuning.errors import Problem, UnusableInput

_DPI = 150  # of a PDF's page
_WIDTH, _QUALITY = 1300, 80


def page_picture(path: Path, index: int) -> bytes:
    """Page `index` (from 0) of a PDF or image file as JPEG.

    Raises UnusableInput for what cannot be read, and for a page that is not there.
    """
    if is_pdf(path):
        from erniekit_finetuning.documents.pdf import open_pdf, render_page

        with open_pdf(path) as document:
            count = len(document)
        if 0 <= index < count:
            return jpeg(render_page(path, index, _DPI), _WIDTH, _QUALITY)
    else:
        pages = page_images(path)
        if 0 <= index < len(pages):
            return jpeg(pages[index], _WIDTH, _QUALITY)
    raise UnusableInput(Problem("the document has no such page", file=str(path), found=str(index)))


def jpeg(page: Image.Image, width: int, quality: int) -> bytes:
    """The picture as JPEG, at most `width` wide and three times as high."""
    page.thumbnail((width, 3 * width))
    data = BytesIO()
    page.convert("RGB").save(data, "JPEG", quality=quality, optimize=True)
    return data.getvalue()

"""Words of a PDF's text layer, and its pages as images."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image

from erniekit_finetuning.documents.limits import MAX_PAGES, MAX_PIXELS, MAX_WORDS
from erniekit_finetuning.documents.model import Box, Document, Page, Word
from erniekit_finetuning.errors import Problem, UnusableInput

_GRID = 1_000_000  # device units a page side: FPDF_PageToDevice answers in whole numbers
_UPRIGHT = 0.7  # sine of the angle from which text runs up or down
_GAP = 0.35  # a gap of this share of the character height starts a new word


def read_pdf(source: bytes | Path) -> Document:
    """Read the words of every page from the text layer; a page without one has no words.

    Raises UnusableInput for a file that is not a PDF, is damaged, is encrypted, has no page or too
    many.
    """
    pdf = open_pdf(source)
    try:
        if len(pdf) > MAX_PAGES:
            raise UnusableInput(
                Problem(
                    "the document has too many pages",
                    file=str(source) if isinstance(source, Path) else "PDF",
                    found=str(len(pdf)),
                    expected=f"at most {MAX_PAGES}",
                    cure="split it: one invoice a file",
                )
            )
        return Document(tuple(read_page(page) for page in pdf))
    finally:
        pdf.close()


def render_page(source: bytes | Path, index: int, dpi: int) -> Image.Image:
    """Page `index` (from 0) as an RGB image; raises UnusableInput for one of too many pixels."""
    pdf = open_pdf(source)
    try:
        page = pdf[index]
        width, height = (round(side * dpi / 72) for side in page.get_size())
        if width * height > MAX_PIXELS:
            raise UnusableInput(
                Problem(
                    "a page is too large",
                    file=str(source) if isinstance(source, Path) else "PDF",
                    found=f"{width} x {height} pixels at {dpi} dpi",
                    expected=f"at most {MAX_PIXELS} pixels",
                    cure="print it to a paper size",
                )
            )
        image: Image.Image = page.render(scale=dpi / 72).to_pil().convert("RGB")
        return image
    finally:
        pdf.close()


def open_pdf(source: bytes | Path) -> pypdfium2.PdfDocument:
    """Open a PDF; raises UnusableInput where it cannot be read. The caller closes it."""
    name = str(source) if isinstance(source, Path) else "PDF"
    try:
        pdf = pypdfium2.PdfDocument(source)
    except pypdfium2.PdfiumError as error:
        raise UnusableInput(
            Problem(
                "the PDF cannot be opened",
                file=name,
                found=str(error),
                cure="open it in a viewer: re-export a damaged file, remove a password",
            )
        ) from error
    if len(pdf) == 0:
        pdf.close()
        raise UnusableInput(Problem("the PDF has no page", file=name, cure="export it again"))
    return pdf


def read_page(page: pypdfium2.PdfPage) -> Page:
    """The words of one open page; none where it has no text layer.

    Raises UnusableInput for a page without a size, or with too many words.
    """
    width, height = page.get_size()
    if not (0 < width < math.inf and 0 < height < math.inf):
        found, cure = f"{width:g} x {height:g} points", "print it to a paper size"
        raise UnusableInput(Problem("a page has no size", found=found, cure=cure))
    textpage = page.get_textpage()
    turn = math.radians(page.get_rotation())
    words = tuple(
        Word(text, _shares(page, box))
        for text, box in _words(textpage.raw, textpage.count_chars(), turn)
    )
    textpage.close()
    if len(words) > MAX_WORDS:
        found, expected = f"{len(words)} words", f"at most {MAX_WORDS}"
        raise UnusableInput(Problem("a page has too many words", found=found, expected=expected))
    return Page(width, height, words)


def _words(textpage: ctypes.c_void_p, count: int, turn: float) -> Iterator[tuple[str, Box]]:
    """Group characters into words: split at white space and at visible gaps.

    PDF producers often leave spaces out and move the pen instead, so gaps decide too. `turn` is how
    the page lies, in radians: a line that runs up or down the page goes on along its own way.
    """
    rect = pdfium.FS_RECTF()
    here = ctypes.byref(rect)
    text = ""
    left = bottom = right = top = 0.0
    upright = False
    for index in range(count):
        char = _character(pdfium.FPDFText_GetUnicode(textpage, index))
        if not char:
            if text and char is not None:
                yield text, (left, bottom, right, top)
                text = ""
            continue
        pdfium.FPDFText_GetLooseCharBox(textpage, index, here)
        west, south, east, north = rect.left, rect.bottom, rect.right, rect.top
        was, upright = upright, abs(math.sin(_angle(textpage, index) - turn)) > _UPRIGHT
        if text and was == upright:
            if upright:
                height = max(east - west, 0.1)
                same_line = min(right, east) - max(left, west) > 0.3 * height
                gap = max(south - top, bottom - north)
            else:
                height = max(north - south, 0.1)
                same_line = min(top, north) - max(bottom, south) > 0.3 * height
                gap = west - right
            if same_line and -2 * height <= gap <= _GAP * height:
                text += char
                left, bottom = min(left, west), min(bottom, south)
                right, top = max(right, east), max(top, north)
                continue
        if text:
            yield text, (left, bottom, right, top)
        text, left, bottom, right, top = char, west, south, east, north
    if text:
        yield text, (left, bottom, right, top)


def _angle(textpage: ctypes.c_void_p, index: int) -> float:
    return float(pdfium.FPDFText_GetCharAngle(textpage, index))


@cache
def _character(code: int) -> str | None:
    """The character, "" for white space, None for something that is not printed."""
    if code == 2:  # pdfium's mark for a hyphen that ends a line
        return "-"
    char = chr(code)
    if char.isspace() or code == 0:
        return ""
    return char if char.isprintable() else None


def _shares(page: pypdfium2.PdfPage, box: Box) -> Box:
    """Page units (origin bottom left, before rotation and crop) to shares of the page as seen."""
    x, y = ctypes.c_int(), ctypes.c_int()
    corners: list[tuple[float, float]] = []
    for left, bottom in ((box[0], box[1]), (box[2], box[3])):
        pdfium.FPDF_PageToDevice(
            page.raw, 0, 0, _GRID, _GRID, 0, left, bottom, ctypes.byref(x), ctypes.byref(y)
        )
        corners.append((x.value / _GRID, y.value / _GRID))
    (x1, y1), (x2, y2) = corners
    return (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))

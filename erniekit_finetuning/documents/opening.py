"""Any supported file to a Document, with the limits that keep a hostile file from hurting."""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import Image, ImageSequence, UnidentifiedImageError

from erniekit_finetuning.documents.limits import MAX_BYTES, MAX_PAGES, MAX_PIXELS
from erniekit_finetuning.documents.model import Document
from erniekit_finetuning.errors import Problem, UnusableInput

OCR_DPI = 200
_MIN_LETTERS = 10  # fewer letters and digits than this is a stamp on a scan, not a text layer


def read_document(path: Path) -> Document:
    """Words of a PDF or image file; pages without a text layer are read by OCR.

    Raises UnusableInput for a missing, empty, too large, damaged or unsupported file.
    """
    return _read_pdf(path) if is_pdf(path) else _read_image(path)


def is_pdf(path: Path) -> bool:
    """Whether a file is a PDF; raises UnusableInput where it is missing, empty or too large."""
    return _bytes(path).lstrip().startswith(b"%PDF-")


def _bytes(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise UnusableInput(Problem("not a file", file=str(path), expected="a PDF or an image"))
        if not 0 < size <= MAX_BYTES:
            raise UnusableInput(
                Problem(
                    "the file's size is outside the limits",
                    file=str(path),
                    found=f"{size} bytes",
                    expected=f"1 to {MAX_BYTES} bytes",
                    cure="export it with a lower resolution" if size else "export it again",
                )
            )
        with path.open("rb") as file:
            return file.read(1024)
    except OSError as error:
        raise UnusableInput(
            Problem(
                "the file cannot be read",
                file=str(path),
                found=error.strerror,
                cure="check the path",
            )
        ) from error


def _read_pdf(path: Path) -> Document:
    from erniekit_finetuning.documents.pdf import read_pdf, render_page

    document = read_pdf(path)
    pages = list(document.pages)
    source = "text layer"
    for index, page in enumerate(pages):
        if sum(char.isalnum() for word in page.words for char in word.text) < _MIN_LETTERS:
            from erniekit_finetuning.documents.ocr import read_image

            pages[index] = read_image(render_page(path, index, OCR_DPI))
            source = "ocr"
    return Document(tuple(pages), source)


def _read_image(path: Path) -> Document:
    from erniekit_finetuning.documents.ocr import read_image

    return Document(tuple(read_image(page) for page in page_images(path)), "ocr")


def page_images(path: Path) -> list[Image.Image]:
    """The decoded pages of an image file: one, or those of a TIFF.

    Raises UnusableInput for a missing, empty, too large, animated or damaged image.
    """
    _bytes(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", Image.DecompressionBombWarning
            )  # our own limit is lower
            image = Image.open(path)
        if image.width * image.height > MAX_PIXELS:
            raise UnusableInput(
                Problem(
                    "the image is too large",
                    file=str(path),
                    found=f"{image.width} x {image.height} pixels",
                    expected=f"at most {MAX_PIXELS} pixels",
                    cure="scale it down to about 300 dpi",
                )
            )
        with image:
            frames = getattr(image, "n_frames", 1)
            if frames > MAX_PAGES or (frames > 1 and image.format != "TIFF"):
                raise UnusableInput(
                    Problem(
                        "the image has several frames",
                        file=str(path),
                        found=f"{image.format} with {frames} frames",
                        expected=f"one page, or a TIFF of at most {MAX_PAGES} pages",
                        cure="save the page as PNG or PDF",
                    )
                )
            return [frame.convert("RGB") for frame in ImageSequence.Iterator(image)]
    except (
        UnidentifiedImageError,
        OSError,
        SyntaxError,
        ValueError,
        Image.DecompressionBombError,
    ) as error:
        raise UnusableInput(
            Problem(
                "the image cannot be read",
                file=str(path),
                found=str(error).replace(f" {str(path)!r}", "").replace(str(path), path.name),
                expected="PDF, PNG, JPEG, TIFF, WebP or BMP",
                cure="open it in a viewer and save it again",
            )
        ) from error

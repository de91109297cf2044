"""Page images for a report: small JPEG data URIs, never a reason to fail."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image

from erniekit_finetuning.documents.opening import MAX_PIXELS
from erniekit_finetuning.errors import UnusableInput

_WIDTH = 900
_QUALITY = 72
# What Pillow and pdfium raise for damaged and hostile files.
_UNSHOWABLE = (
    UnusableInput, OSError, SyntaxError, ValueError, RuntimeError, Image.DecompressionBombError,
)  # fmt: skip


def page_uri(images: Sequence[str], base: Path) -> str | None:
    """The first page as a data URI, 900 pixels wide at most; None when it cannot be shown.

    A relative name is looked up from the working folder, then from `base`.
    """
    for name in images[:1]:
        for path in (Path(name), base / name):
            if path.is_file():
                return _jpeg(path)
    return None


def file_uri(path: Path, media_type: str) -> str:
    """A file as it is, as a data URI."""
    return f"data:{media_type};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _jpeg(path: Path) -> str | None:
    try:
        if path.suffix.lower() == ".pdf":
            from erniekit_finetuning.documents.pdf import render_page

            page = render_page(path, 0, 110)
        else:
            with Image.open(path) as image:
                if image.width * image.height > MAX_PIXELS:
                    return None
                page = image.convert("RGB")
        page.thumbnail((_WIDTH, 3 * _WIDTH))
        data = BytesIO()
        page.convert("RGB").save(data, "JPEG", quality=_QUALITY, optimize=True)
    except _UNSHOWABLE:  # costs the picture, not the report
        return None
    return f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"

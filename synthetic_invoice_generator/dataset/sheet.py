"""A contact sheet: the first documents of a set at a glance."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageOps

from erniekit_finetuning.files import write_bytes
from synthetic_invoice_generator.dataset.members import Member

SHEET = "contact_sheet.png"
_ACROSS, _DOWN = 8, 5
SHOWN = _ACROSS * _DOWN
_THUMBNAIL = (240, 340)
_EDGE = 3


def write_sheet(output: Path, members: Sequence[Member]) -> None:
    """Write contact_sheet.png: the first page of each of `members`, in its proportions."""
    width, height = _THUMBNAIL
    rows = -(-len(members) // _ACROSS)
    sheet = Image.new("RGB", (width * min(len(members), _ACROSS), height * rows), "grey")
    for at, member in enumerate(members):
        with Image.open(output / "images" / member.images[0]) as page:
            page.draft("RGB", (2 * width, 2 * height))
            small = ImageOps.contain(
                page.convert("RGB"),
                (width - 2 * _EDGE, height - 2 * _EDGE),
                Image.Resampling.BOX,
            )
        sheet.paste(small, (at % _ACROSS * width + _EDGE, at // _ACROSS * height + _EDGE))
    file = io.BytesIO()
    sheet.save(file, "PNG")
    write_bytes(output / SHEET, file.getvalue(), keep_same=True)

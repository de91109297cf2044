"""Entries of a synthetic manifest, in two shapes: the pages of a document and its ground truth."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from erniekit_finetuning.data.record import Folders, Labelled, file_name, inside, resolved
from erniekit_finetuning.data.sources.active_learning import Reading
from erniekit_finetuning.errors import Problem, UnusableInput

_MOST_BYTES = 16 * 1024 * 1024  # of a ground truth


def is_entry(row: Any) -> bool:
    """Whether a row is an entry of a manifest, by its keys."""
    return isinstance(row, Mapping) and ("ground_truth_path" in row or "ground_truth" in row)


def document_of(row: Any) -> str | None:
    """What entries of one document have in common; None for a row that stands for itself."""
    if not is_entry(row) or not row.get("invoice_id"):
        return None
    return _identifier(row)


def read_document(
    rows: Sequence[Mapping[str, Any]], folders: Folders, reading: Reading
) -> Labelled:
    """The pages of one document.

    Paths are looked up below the image and ground truth folders; a manifest that writes them from
    its own folder (`images/inv-1.png` with --images-dir .../images) is understood too.
    """
    rows = sorted(rows, key=lambda row: _page(row.get("page_num")))
    first = rows[0]
    key = "ground_truth_path" if "ground_truth_path" in first else "ground_truth"
    name = "image_path" if "image_path" in first else "image"
    paths = tuple(_find(row, name, folders, folders.images) for row in rows)
    data = first[key]
    if not isinstance(data, Mapping):
        data = read_truth(_find(first, key, folders, folders.ground_truth))
    truth, unknown = reading.truth(data)
    return Labelled(
        id=_identifier(first) if first.get("invoice_id") else str(first[name]),
        images=paths,
        pdf=_pdf(first.get("pdf_path"), folders),
        truth=truth,
        ignored=tuple(key for key in unknown if key not in ("made", "tags")),
        tags=_own_tags(first.get("tags")) | (_tags(data) if reading.schema is None else {}),
    )


def _tags(data: Any) -> dict[str, str]:
    """What a ground truth says of its document's sort: how it was made, and `tags` of its own."""
    if not isinstance(data, Mapping):
        return {}
    said: dict[str, Any] = {"layout": data.get("layout_type")}
    made = data.get("made")
    if isinstance(made, Mapping):
        fault = made.get("fault")
        said |= {name: made.get(name) for name in ("locale", "document", "tier", "split")}
        said["fault"] = fault.get("kind") if isinstance(fault, Mapping) else "none"
    return _own_tags(said) | _own_tags(data.get("tags"))


def _own_tags(said: Any) -> dict[str, str]:
    if not isinstance(said, Mapping):
        return {}
    return {str(name): value for name, value in said.items() if isinstance(value, str)}


def _pdf(name: Any, folders: Folders) -> Path | None:
    """The PDF below the manifest's own folder, or below that of the images."""
    if not name:
        return None
    try:
        return inside(folders.base, str(name), "pdf_path", folders.checked)
    except UnusableInput:
        return folders.image(name, "pdf_path")


def _identifier(row: Mapping[str, Any]) -> str:
    """An augmented copy is a document of its own."""
    return f"{row['invoice_id']}{'/augmented' if row.get('is_augmented') else ''}"


def _page(number: Any) -> int:
    try:
        return int(number or 1)
    except (TypeError, ValueError) as error:
        raise UnusableInput(
            Problem(
                "not a page number", field="page_num", found=repr(number)[:40], expected="1, 2, .."
            )
        ) from error


def _find(row: Mapping[str, Any], field: str, folders: Folders, folder: Path) -> Path:
    name = file_name(row.get(field), field)
    try:
        return inside(folder, name, field, folders.checked)
    except UnusableInput:
        if folders.checked and "\0" not in name:
            found = (folders.base / name).resolve()
            if found.is_file() and found.is_relative_to(resolved(folder)):
                return found
        raise


def read_truth(path: Path) -> Any:
    """A ground truth's JSON, its numbers exact; raises UnusableInput when it cannot be read."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UnusableInput(
                Problem("is too large for a ground truth", file=str(path), expected="16 MB at most")
            )
        return json.loads(path.read_text(encoding="utf-8-sig"), parse_float=Decimal)
    except (OSError, ValueError, RecursionError) as error:
        raise UnusableInput(
            Problem(
                "cannot be read as JSON",
                file=str(path),
                found=getattr(error, "strerror", None) or str(error),
                cure="check the path and that the file is whole",
            )
        ) from error

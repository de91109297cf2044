"""Synthetic manifests: a JSON array of pages with their ground truth files, in two shapes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

from erniekit_finetuning.data.record import Labelled, Record, Rejected, inside
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.invoice.shapes import read_invoice


def read_manifest(manifest: Path, images: Path, ground_truth: Path) -> Iterator[Record]:
    """Documents of a manifest; neighbouring entries with one invoice_id are pages of one document.

    Paths are looked up below `images` and `ground_truth`; a manifest that writes them from its own
    folder (`images/inv-1.png` with --images-dir .../images) is understood too.
    """
    entries = _json(manifest)
    if not isinstance(entries, list):
        raise UnusableInput(
            Problem(
                "is not a manifest",
                file=str(manifest),
                found=type(entries).__name__,
                expected="an array of {image_path, ground_truth_path, ..} or {image, ground_truth}",
            )
        )
    numbered = enumerate(entries)
    for _, pages in groupby(numbered, key=lambda item: _document_id(item[1], item[0])):
        group = list(pages)
        origin = f"{manifest}[{group[0][0]}]"
        rows = [entry for _, entry in group]
        try:
            yield _document(rows, manifest.parent, images, ground_truth)
        except UnusableInput as error:
            yield Rejected(origin, str(error), rows[0] if len(rows) == 1 else rows)


def _document_id(entry: Any, index: int) -> str:
    identifier = entry.get("invoice_id") if isinstance(entry, Mapping) else None
    # An augmented copy is a document of its own.
    augmented = entry.get("is_augmented") if isinstance(entry, Mapping) else None
    return f"{identifier}/{augmented}" if identifier else f"#{index}"


def _document(rows: list[Any], base: Path, images: Path, ground_truth: Path) -> Labelled:
    if not all(isinstance(row, Mapping) for row in rows):
        raise UnusableInput(Problem("not an object", found=type(rows[0]).__name__))
    rows = sorted(rows, key=lambda row: int(row.get("page_num") or 1))
    first = rows[0]
    key = "ground_truth_path" if "ground_truth_path" in first else "ground_truth"
    truth = read_invoice(_json(_find(first, key, base, ground_truth)))
    name = "image_path" if "image_path" in first else "image"
    paths = tuple(_find(row, name, base, images) for row in rows)
    pdf = inside(base, first["pdf_path"], "pdf_path") if first.get("pdf_path") else None
    identifier = str(first.get("invoice_id") or paths[0].stem)
    return Labelled(identifier, paths, pdf, truth.invoice, truth.unknown)


def _find(row: Mapping[str, Any], field: str, base: Path, folder: Path) -> Path:
    name = row.get(field)
    if not isinstance(name, str) or not name:
        raise UnusableInput(
            Problem("a path is missing", field=field, found=repr(name), expected="a file name")
        )
    try:
        return inside(folder, name, field)
    except UnusableInput:
        found = (base / name).resolve()
        if found.is_file() and found.is_relative_to(folder.resolve()):
            return found
        raise


def _json(path: Path) -> Any:
    try:
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

"""Folders of documents with their truth, made into pairs: test data that nobody has converted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from erniekit_finetuning.data.building import Building
from erniekit_finetuning.data.exact_json import exact_json
from erniekit_finetuning.data.preparing import Summary, prepare
from erniekit_finetuning.data.record import Folders
from erniekit_finetuning.data.rows import read_rows
from erniekit_finetuning.data.shards import Plan
from erniekit_finetuning.data.sources.active_learning import Reading
from erniekit_finetuning.data.sources.manifest import read_truth
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.evaluation.given import unwrapped
from erniekit_finetuning.files import write_text

_IMAGES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp"}
_TABLES = ("truth.jsonl", "metadata.jsonl")  # the second is the hub's name for image folders
_PAGE = re.compile(r"(?:[-_. ]?p(?:age)?)?[-_. ]?0*(\d+)", re.IGNORECASE)


def pairs_of_folder(
    folder: Path,
    output: Path,
    reading: Reading,
    building: Building,
    progress: Callable[[int], None] = lambda records: None,
) -> Summary:
    """Write the documents of a folder as pairs to `output`; a killed run goes on.

    A truth is a JSON file (in ground_truth/ where there is such a folder), or a row of truth.jsonl
    or metadata.jsonl with `id` or `file_name`. Its document is what shares its name, in the folder
    or below: a PDF, an image, or images with page numbers behind the name. Text comes from the
    PDF's text layer, else by OCR. Raises UnusableInput with every truth that has no document.
    """
    entries, problems = [], []
    files = _documents(folder)
    for name, truth in _truths(folder):
        pages, pdf = _pages(name, files)
        shown = pages or ([] if pdf is None else [pdf])
        if not shown:
            cure = f"name the document {name}.pdf or {name}.png"
            problems.append(Problem("no document of a truth", str(folder), found=name, cure=cure))
            continue
        entries += [
            {
                "invoice_id": name,
                "image": str(page),
                "ground_truth": truth,
                "page_num": number,
                **({"pdf_path": str(pdf)} if pdf is not None else {}),
            }
            for number, page in enumerate(shown, start=1)
        ]
    if problems:
        raise UnusableInput(problems)
    if not entries:
        expected = f"JSON files beside documents, or {' or '.join(_TABLES)}"
        raise UnusableInput(Problem("no truth in the folder", str(folder), expected=expected))
    manifest = output.with_name(f"{output.stem}.manifest.json")
    write_text(manifest, exact_json(entries), keep_same=True)
    plan = Plan(Folders(folder, folder, folder), reading, building)
    return prepare(str(manifest), output, plan, progress=progress)


def _documents(folder: Path) -> dict[str, list[Path]]:
    """Documents by the name without its ending, below the folder."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in _IMAGES or path.suffix.lower() == ".pdf":
            found.setdefault(path.stem, []).append(path.relative_to(folder))
    return found


def _truths(folder: Path) -> Iterator[tuple[str, Any]]:
    """Names and truths, those of a table first."""
    for name in _TABLES:
        if (folder / name).is_file():
            for row in read_rows(str(folder / name)):
                yield _named(row.value, row.origin)
            return
    inner = folder / "ground_truth"
    for path in sorted((inner if inner.is_dir() else folder).rglob("*.json")):
        value = read_truth(path)
        if isinstance(value, Mapping):  # a list is a manifest of the folder, no truth
            yield path.stem, value


def _named(row: Any, origin: str) -> tuple[str, Any]:
    if not isinstance(row, Mapping):
        raise UnusableInput(Problem("not an object", file=origin))
    name = row.get("id") or (Path(str(row["file_name"])).stem if "file_name" in row else None)
    truth = row.get("truth", row.get("ground_truth"))
    if name is None or truth is None:
        expected = "id or file_name, and truth or ground_truth"
        raise UnusableInput(Problem("no truth", file=origin, expected=expected))
    return str(name), unwrapped(truth)


def _pages(name: str, files: Mapping[str, list[Path]]) -> tuple[list[Path], Path | None]:
    """Page images of a document in order, and its PDF."""
    numbered: list[tuple[int, Path]] = []
    for stem, paths in files.items():
        page = _PAGE.fullmatch(stem.removeprefix(name)) if stem.startswith(name) else None
        if page or stem == name:
            numbered += [(int(page[1]) if page else 0, path) for path in paths]
    pdf = next((path for _, path in numbered if path.suffix.lower() == ".pdf"), None)
    images = [path for _, path in sorted(numbered) if path.suffix.lower() != ".pdf"]
    return images, pdf

"""The two manifests of a data set, in the shapes trainers read."""

from __future__ import annotations

import json
from pathlib import Path

from erniekit_finetuning.files import write_text
from synthetic_invoice_generator.document_files import document_name, images_of

MANIFEST = "training_manifest.json"
PAIRS = "training_manifest_pairs.json"


def write_manifests(output: Path, count: int) -> int:
    """Write both manifests for documents 0 to `count - 1`, one entry a page; returns the pages.

    Paths of the first are relative to `output`, those of the second to images/ and ground_truth/.
    A manifest that already says the same is left alone.
    """
    entries: list[dict[str, object]] = []
    pairs: list[dict[str, object]] = []
    for index in range(count):
        name = document_name(index)
        for page, image in enumerate(images_of(output, index), start=1):
            entries.append(
                {
                    "invoice_id": name,
                    "pdf_path": f"pdfs/{name}.pdf",
                    "image_path": f"images/{image}",
                    "ground_truth_path": f"ground_truth/{name}.json",
                    "page_num": page,
                    "is_augmented": image.endswith(".jpg"),
                }
            )
            pairs.append({"image": image, "ground_truth": f"{name}.json"})
    _write_if_new(output / MANIFEST, entries)
    _write_if_new(output / PAIRS, pairs)
    return len(entries)


def _write_if_new(path: Path, entries: list[dict[str, object]]) -> None:
    text = json.dumps(entries, ensure_ascii=False, indent=1) + "\n"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)

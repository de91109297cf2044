"""The manifests of a data set, one for each of its parts, in the shapes trainers read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from erniekit_finetuning.files import write_text
from synthetic_invoice_generator.dataset.members import Member
from synthetic_invoice_generator.dataset.splits import MANIFESTS, Split

PAIRS = "training_manifest_pairs.json"


def write_manifests(output: Path, members: Sequence[Member]) -> None:
    """Write a manifest a split, one entry a page; the training one in both shapes of the field.

    Paths are relative to `output`, in the shape with pairs to images/ and ground_truth/. A split
    without documents has no manifest, but for the training one. A manifest that already says the
    same is left alone.
    """
    for split, name in MANIFESTS.items():
        mine = [member for member in members if member.split is split]
        if mine or split is Split.TRAIN:
            write_if_new(output / name, _json([entry for one in mine for entry in _entries(one)]))
    pairs: list[dict[str, object]] = [
        {"image": image, "ground_truth": f"{member.name}.json"}
        for member in members
        if member.split is Split.TRAIN
        for image in member.images
    ]
    write_if_new(output / PAIRS, _json(pairs))


def _entries(member: Member) -> list[dict[str, object]]:
    return [
        {
            "invoice_id": member.name,
            "pdf_path": f"pdfs/{member.name}.pdf",
            "image_path": f"images/{image}",
            "ground_truth_path": f"ground_truth/{member.name}.json",
            "page_num": page,
            "is_augmented": member.tier != "clean",
        }
        for page, image in enumerate(member.images, start=1)
    ]


def _json(entries: list[dict[str, object]]) -> str:
    return json.dumps(entries, ensure_ascii=False, indent=1) + "\n"


def write_if_new(path: Path, text: str) -> None:
    """Write `text` unless the file says the same already."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)

"""The manifests of a data set, one for each of its parts, in the shapes trainers read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from erniekit_finetuning.files import written_whole
from synthetic_invoice_generator.dataset.members import Member
from synthetic_invoice_generator.dataset.splits import MANIFESTS, Split

PAIRS = "training_manifest_pairs.json"
Entry = dict[str, object]


@contextmanager
def manifests(output: Path) -> Iterator[Callable[[Member], None]]:
    """Give a function that enters a document; the files appear when the block ends well.

    There is a manifest a split, one entry a page; the training one in both shapes of the field.
    Paths are relative to `output`, in the shape with pairs to images/ and ground_truth/. A split
    without documents has no manifest, but for the training one. A manifest that already says the
    same is left alone. Memory does not grow with the set.
    """
    with ExitStack() as stack:
        arrays: dict[str, Callable[[Entry], None]] = {}

        def array(name: str) -> Callable[[Entry], None]:
            if name not in arrays:
                aside = stack.enter_context(written_whole(output / name, keep_same=True))
                arrays[name] = stack.enter_context(_array(aside))
            return arrays[name]

        def enter(member: Member) -> None:
            for entry in _entries(member):
                array(MANIFESTS[member.split])(entry)
            if member.split is Split.TRAIN:
                for image in member.images:
                    array(PAIRS)({"image": image, "ground_truth": f"{member.name}.json"})

        array(MANIFESTS[Split.TRAIN])
        array(PAIRS)
        yield enter


def _entries(member: Member) -> list[Entry]:
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


@contextmanager
def _array(path: Path) -> Iterator[Callable[[Entry], None]]:
    """A JSON array, an entry a line."""
    with path.open("w", encoding="utf-8") as file:
        before = "[\n "

        def append(entry: Entry) -> None:
            nonlocal before
            file.write(before + json.dumps(entry, ensure_ascii=False))
            before = ",\n "

        yield append
        file.write("\n]\n" if before.startswith(",") else "[]\n")

"""The documents that a data set holds, read back from its ground truth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

from synthetic_invoice_generator.dataset.document_files import document_name, images_of
from synthetic_invoice_generator.dataset.splits import Split


class Member(NamedTuple):
    """One document of a set: its name, its images, and what the set is counted by."""

    name: str
    images: tuple[str, ...]
    split: Split
    locale: str
    family: str
    document: str
    tier: str
    fault: str | None
    lines: int


def members(output: Path) -> Iterator[Member]:
    """The documents on disk in order, up to the first that is not whole."""
    for index in count():
        images = images_of(output, index)
        if not images:
            return
        name = document_name(index)
        truth = json.loads((output / "ground_truth" / f"{name}.json").read_text(encoding="utf-8"))
        made = truth["made"]
        yield Member(
            name=name,
            images=images,
            split=Split(made["split"]),
            locale=made["locale"],
            family=truth["layout_type"],
            document=made["document"],
            tier=made["tier"],
            fault=made["fault"] and made["fault"]["kind"],
            lines=len(truth["items"]),
        )

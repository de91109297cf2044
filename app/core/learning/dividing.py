"""Corrected documents to learn from and to measure on: a document stays on its side for good.

The first side that a document falls on is written down under the hash of its file. It stands in
every later round, whatever the document is called then, and whatever share is held back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from erniekit_finetuning.data.near_duplicates import Twins
from erniekit_finetuning.data.pair import Pair
from erniekit_finetuning.data.pairs_file import read_pairs
from erniekit_finetuning.data.preparing import split_file
from erniekit_finetuning.data.record import Conversation
from erniekit_finetuning.data.splitting import document_hash
from erniekit_finetuning.files import on_disk, write_jsonl

TRAIN, TEST = "train", "test"
SIDES = "sides.jsonl"


@dataclass(frozen=True)
class Divided:
    """`sides`: by the hash of each document, old and new. `twins`: pairs left out, on neither side.

    These say nearly what a document says that is measured on.
    """

    train: list[Pair]
    test: list[Pair]
    sides: dict[str, str]
    twins: int


def divided(drawn: Iterable[tuple[str, Pair]], before: Mapping[str, str]) -> Divided:
    """Pairs by their side: that of `before`, else the one that was drawn for it."""
    sides = dict(before)
    by_side: dict[str, list[Pair]] = {TRAIN: [], TEST: []}
    for side, pair in drawn:
        by_side[sides.setdefault(_document(pair), side)].append(pair)
    seen = Twins()
    test = [one for one in by_side[TEST] if not list(seen.of(str(one.id), one))]
    train = [one for one in by_side[TRAIN] if not list(seen.of(str(one.id), one, remember=False))]
    return Divided(train, test, sides, sum(map(len, by_side.values())) - len(train) - len(test))


def drawn_sides(pairs: Path) -> Iterator[tuple[str, Pair]]:
    """The pairs of a preparation with the split that each fell into."""
    for side in (TRAIN, TEST):
        for pair in read_pairs(split_file(pairs, side)):
            yield side, pair


def write_sides(folder: Path, found: Divided) -> None:
    """Write both sides into a round's folder, each whole or not at all."""
    for side, pairs in ((TRAIN, found.train), (TEST, found.test)):
        write_jsonl(folder / f"{side}.jsonl", (pair.to_json() for pair in pairs))


def read_known(models: Path) -> dict[str, str]:
    """The sides that were written down; a line that a killed process cut off is none."""
    file = models / SIDES
    lines = file.read_bytes().splitlines(keepends=True) if file.is_file() else []
    rows = [json.loads(line) for line in lines if line.endswith(b"\n")]
    return {row["document"]: row["side"] for row in rows}


def write_down(models: Path, sides: Mapping[str, str]) -> None:
    """Add the sides that are not written down yet."""
    known = read_known(models)
    with (models / SIDES).open("ab+") as file:
        file.seek(0)
        file.truncate(sum(len(line) for line in file if line.endswith(b"\n")))
        for document, side in sides.items():
            if document not in known:
                file.write(json.dumps({"document": document, "side": side}).encode() + b"\n")
        on_disk(file, models)


def _document(pair: Pair) -> str:
    images = tuple(map(Path, pair.all_images))
    return document_hash(Conversation(str(pair.id), pair.conversations, images))

"""Which split a pair belongs to: a function of its group and a seed, nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import StrEnum

from erniekit_finetuning.data.record import Conversation, Labelled
from erniekit_finetuning.invoice.model import Invoice


class GroupBy(StrEnum):
    """What never crosses splits: a document, all of a vendor's, or all of one layout."""

    DOCUMENT = "document"
    VENDOR = "vendor"
    LAYOUT = "layout"


def group_of(record: Labelled | Conversation, by: GroupBy) -> str:
    """The group of a record; a document without a vendor or layout is a group of its own."""
    if isinstance(record, Labelled):
        truth = record.truth
        if by is GroupBy.VENDOR and isinstance(truth, Invoice) and truth.seller.name:
            return "vendor " + " ".join(truth.seller.name.printed.casefold().split())
        if by is GroupBy.LAYOUT and "layout" in record.tags:
            return f"layout {record.tags['layout']}"
    return "document " + document_hash(record)


def document_hash(record: Labelled | Conversation) -> str:
    """What the document is, whatever it is called: its files, else the questions asked."""
    digest = hashlib.blake2b(digest_size=16)
    for image in record.images:
        digest.update(image.read_bytes() if image.is_file() else str(image).encode())
    if not record.images and isinstance(record, Conversation):
        for turn in record.turns:
            if turn.role != "assistant":
                digest.update(turn.content.encode() + b"\0")
    return digest.hexdigest()


def split_of(group: str, shares: Mapping[str, float], seed: int) -> str:
    """`train`, or the split in whose share the group falls; the same on every machine.

    >>> {split_of(f"vendor {n}", {"test": 0.5}, 0) for n in range(9)} == {"train", "test"}
    True
    """
    digest = hashlib.blake2b(f"{seed}/{group}".encode(), digest_size=8).digest()
    drawn = int.from_bytes(digest, "big") / 2**64
    for name, share in shares.items():
        if drawn < share:
            return name
        drawn -= share
    return "train"

"""Which part of a data set a document belongs to: by its layout, else by its number."""

from __future__ import annotations

from enum import StrEnum
from random import Random

from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.looks.style import Family


class Split(StrEnum):
    """A part of a set. Layouts of `TEST_UNSEEN` are in no other part."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST_SEEN = "test_seen"
    TEST_UNSEEN = "test_unseen"


MANIFESTS: dict[Split, str] = {
    Split.TRAIN: "training_manifest.json",
    Split.VALIDATION: "validation_manifest.json",
    Split.TEST_SEEN: "test_seen_manifest.json",
    Split.TEST_UNSEEN: "test_unseen_manifest.json",
}


def split_of(config: GeneratorConfig, seed: int, index: int, family: Family) -> Split:
    """The part of document `index`; it never changes when a set grows."""
    if family in config.unseen:
        return Split.TEST_UNSEEN
    drawn = Random(f"{seed}/{index}/split").random()
    if drawn < config.validation:
        return Split.VALIDATION
    return Split.TEST_SEEN if drawn < config.validation + config.test else Split.TRAIN

"""One source of a recipe: read, standardised, some of it taken by a seed, and counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from erniekit_finetuning.data.rows import rows_of_hub
from erniekit_finetuning.data.schemas.own import OwnSchema
from erniekit_finetuning.data.standardizing import LeftOut
from erniekit_finetuning.engines.protocol import Example
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.examples import read_examples
from erniekit_finetuning.recipes.data_section import SourceSection

T = TypeVar("T")


@dataclass(frozen=True)
class SourceCount:
    """What became of one source: rows read, taken of them, and on which side of the split.

    `train` counts them before several sources are mixed. `seed` drew what was taken and held out.
    `left_out`: what `standardize` did not keep, and how often.
    """

    place: str
    rows: int
    taken: int
    train: int
    validation: int
    seed: int
    left_out: dict[str, int]

    def __str__(self) -> str:
        less = "".join(f", without {name} ({self.left_out[name]})" for name in self.left_out)
        return (
            f"{self.place}: {self.rows} rows, {self.taken} taken: {self.train} to learn, "
            f"{self.validation} held out{less}"
        )


@dataclass(frozen=True)
class Source:
    """The examples taken of a source, of how many rows."""

    place: str
    rows: int
    taken: list[Example]
    seed: int
    left_out: LeftOut

    def count(self, learnt: int) -> SourceCount:
        """Its numbers, when `learnt` of what was taken are not held out."""
        taken = len(self.taken)
        left = dict(sorted(self.left_out.items()))
        return SourceCount(self.place, self.rows, taken, learnt, taken - learnt, self.seed, left)


def read_source(
    number: int, section: SourceSection, seed: int, with_images: bool, schema: OwnSchema | None
) -> Source:
    """Read the `number`-th source of a recipe; raises UnusableInput with every bad row.

    Where the hub cannot be asked, the error says that a file may take its place.
    """
    left, place = LeftOut(), Path(section.place)
    if section.path is not None:
        examples = read_examples(place, with_images, schema, left_out=left)
    else:
        rows = rows_of_hub(section.place)
        try:
            examples = read_examples(place, with_images, schema, rows, left)
        except UnusableInput as error:
            field = f"data.sources.{number}"
            cure = f"or give a file in its place: {field}.path=FILE"
            here = Problem("a source of the hub", field=f"{field}.hub", cure=cure)
            raise UnusableInput([*error.problems, here]) from error
    taken = some(examples, section.max_samples, seed + number)
    return Source(section.place, len(examples), taken, seed, left)


def some(group: Sequence[T], limit: int | None, seed: int) -> list[T]:
    """At most `limit` of a group, drawn by a seed, in their order.

    >>> some("abcdef", 3, seed=0)
    ['c', 'd', 'f']
    """
    if limit is None or len(group) <= limit:
        return list(group)
    chosen = np.random.default_rng(seed).permutation(len(group))[:limit]
    return [group[int(i)] for i in sorted(chosen)]

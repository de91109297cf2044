"""The examples of a recipe: from one file or several, mixed and split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from erniekit_finetuning.engines.batches import split_examples
from erniekit_finetuning.engines.locating import locate_base
from erniekit_finetuning.engines.prompting import prompting_of
from erniekit_finetuning.engines.protocol import Example
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.examples import read_examples
from erniekit_finetuning.recipes.architecture import architecture_in
from erniekit_finetuning.recipes.data_section import DataSection, Mixing, SourceSection
from erniekit_finetuning.recipes.model import Recipe
from erniekit_finetuning.sources import SourceCount, read_source, some

T = TypeVar("T")


@dataclass(frozen=True)
class Split:
    """What is learnt from, and what is held out; `sources` count where it came from."""

    train: list[Example]
    validation: list[Example]
    sources: tuple[SourceCount, ...] = ()


def read_split(recipe: Recipe, dataset: Path | None) -> Split:
    """Read what a recipe trains on, with images where its model takes them; see `examples_of`."""
    return examples_of(recipe.data, dataset, architecture_in(locate_base(recipe)).sees_images)


def examples_of(data: DataSection, dataset: Path | None, with_images: bool = False) -> Split:
    """Read what a recipe trains on: `dataset`, or the sources it names.

    Validation examples are set aside before the sources are mixed, so one that is repeated is
    never on both sides. Raises UnusableInput when there is no file or one too many, and with every
    example that cannot be trained.
    """
    if (dataset is None) == (not data.sources):
        what = "name the examples once" if dataset else "no examples are named"
        cure = "give --dataset, or data.sources in the recipe"
        if dataset is not None:
            cure += "; data.sources.0.path=FILE puts a file in a source's place"
        raise UnusableInput(Problem(what, field="data.sources", cure=cure))
    schema = prompting_of(data).schema
    sections = (SourceSection(path=str(dataset)),) if dataset else data.sources
    sources = [
        read_source(number, section, data.seed, with_images, schema)
        for number, section in enumerate(sections)
    ]
    groups = [source.taken for source in sources]
    if data.validation_file is not None:
        held = read_examples(Path(data.validation_file), with_images, schema)
    else:
        everything = [example for group in groups for example in group]
        learnt, held = split_examples(everything, data.validation_share, data.seed)
        kept = {id(example) for example in learnt}
        groups = [[example for example in group if id(example) in kept] for group in groups]
    counts = tuple(source.count(len(group)) for source, group in zip(sources, groups, strict=True))
    shares = [section.probability or 0.0 for section in sections]
    return Split(mix(groups, data.mixing, shares, data.max_samples, data.seed), held, counts)


def mix(
    groups: Sequence[Sequence[T]],
    mixing: Mixing,
    shares: Sequence[float],
    limit: int | None,
    seed: int,
) -> list[T]:
    """One list out of several, at most `limit` long; see `DataSection`.

    >>> mix([["a", "b", "c"], ["x"]], "interleave_under", [], None, 0)
    ['a', 'x']
    >>> mix([["a", "b", "c"], ["x"]], "interleave_over", [], None, 0)
    ['a', 'x', 'b', 'x', 'c', 'x']
    """
    filled = [group for group in groups if group]
    if mixing == "probabilities":
        return _drawn(groups, shares, limit or sum(map(len, groups)), seed)
    if mixing == "concat":
        return some([item for group in filled for item in group], limit, seed)
    rounds = (min if mixing == "interleave_under" else max)(map(len, filled), default=0)
    turns = [group[turn % len(group)] for turn in range(rounds) for group in filled]
    return turns[:limit]


def _drawn(
    groups: Sequence[Sequence[T]], shares: Sequence[float], count: int, seed: int
) -> list[T]:
    generator = np.random.default_rng(seed)
    endless = [_repeated(group, seed + number) for number, group in enumerate(groups)]
    drawn = generator.choice(len(groups), size=count, p=np.array(shares) / sum(shares))
    return [next(endless[int(number)]) for number in drawn]


def _repeated(group: Sequence[T], seed: int) -> Iterator[T]:
    if not group:
        raise UnusableInput(Problem("a source has no examples to draw", field="data.sources"))
    generator = np.random.default_rng(seed)
    while True:
        yield from (group[int(i)] for i in generator.permutation(len(group)))

"""Which examples train together: split, order and packing, all a function of seeds."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.engines.encoding import Encoded
from erniekit_finetuning.engines.protocol import Example

IGNORED = -100


@dataclass(frozen=True)
class Pack:
    """Documents one after the other, without padding: what a model computes at once.

    tokens, positions and labels are [length]. Positions begin at 0 in each document. labels[t] is
    the token to predict after tokens[t], IGNORED where nothing is learnt. Document i covers
    `lengths[i]` tokens and sees itself alone.
    """

    tokens: NDArray[np.int64]
    positions: NDArray[np.int64]
    labels: NDArray[np.int64]
    lengths: tuple[int, ...]
    images: tuple[str, ...] = ()

    @property
    def trained(self) -> int:
        """How many labels are learnt."""
        return int((self.labels != IGNORED).sum())


def pack(rows: Sequence[Encoded]) -> Pack:
    """Put rows one after the other; labels never cross from one to the next."""
    tokens = np.concatenate([np.array(row.tokens, np.int64) for row in rows])
    labels = np.full_like(tokens, IGNORED)
    first = 0
    for row in rows:
        for start, stop in row.spans:
            labels[first + start - 1 : first + stop - 1] = row.tokens[start:stop]
        first += len(row.tokens)
    lengths = tuple(len(row.tokens) for row in rows)
    images = tuple(image for row in rows for image in row.images)
    return Pack(tokens, np.concatenate([np.arange(n) for n in lengths]), labels, lengths, images)


def packs(rows: Sequence[Encoded], tokens_at_once: int) -> list[Pack]:
    """Rows in their order, as many together as fit into `tokens_at_once`, at least one.

    One with images stays alone: its positions run over the images' two dimensions, too.
    """
    made: list[Pack] = []
    waiting: list[Encoded] = []
    for row in rows:
        full = sum(len(r.tokens) for r in (*waiting, row)) > tokens_at_once
        if waiting and (full or row.images or waiting[-1].images):
            made.append(pack(waiting))
            waiting = []
        waiting.append(row)
    return [*made, pack(waiting)] if waiting else made


def split_examples(
    examples: Sequence[Example], validation_share: float, seed: int
) -> tuple[list[Example], list[Example]]:
    """Set a share of the distinct questions aside; the same one never lands on both sides."""
    questions = [_question(example) for example in examples]
    distinct = list(dict.fromkeys(questions))
    order = np.random.default_rng(seed).permutation(len(distinct))
    aside = round(validation_share * len(distinct))
    if validation_share > 0 and len(distinct) > 1:
        aside = min(max(aside, 1), len(distinct) - 1)
    chosen = {distinct[i] for i in order[:aside]}
    sides: tuple[list[Example], list[Example]] = ([], [])
    for example, question in zip(examples, questions, strict=True):
        sides[question in chosen].append(example)
    return sides


def _question(example: Example) -> tuple[str, ...]:
    asked = (message.content for message in example.messages if message.role == "user")
    return (next(asked, ""), *example.images)


def sequences(lengths: Sequence[int], room: int | None, seed: int, epoch: int) -> list[list[int]]:
    """The sequences of one epoch in their order: every example once, as indices.

    Without `room` each example is a sequence of its own. With it, each goes into the fullest
    sequence that still has room for it, longest first, so that there are always as many.
    """
    generator = np.random.default_rng([seed, epoch])
    order = [int(i) for i in generator.permutation(len(lengths))]
    if room is None:
        return [[i] for i in order]
    filled: list[list[int]] = []
    left: list[tuple[int, int]] = []  # (room left, sequence), sorted
    for i in sorted(order, key=lambda i: -lengths[i]):
        place = bisect_left(left, (lengths[i], -1))
        if place == len(left):
            filled.append([])
            space, sequence = room, len(filled) - 1
        else:
            space, sequence = left.pop(place)
        filled[sequence].append(i)
        insort(left, (space - lengths[i], sequence))
    return [filled[i] for i in generator.permutation(len(filled))]


def step_rows(order: Sequence[Sequence[int]], per_step: int, place: int) -> list[int]:
    """The examples of the `place`-th step of an epoch of sequences."""
    return [i for sequence in order[place * per_step : (place + 1) * per_step] for i in sequence]


def padding_share(lengths: Sequence[int], batch_size: int, seed: int) -> float:
    """Share of padding in batches of examples in the first epoch's order, each padded to its own
    longest one."""
    order = [i for sequence in sequences(lengths, None, seed, 0) for i in sequence]
    padded = 0
    for first in range(0, len(order), batch_size):
        batch = [lengths[i] for i in order[first : first + batch_size]]
        padded += max(batch) * len(batch)
    return 1 - sum(lengths) / padded

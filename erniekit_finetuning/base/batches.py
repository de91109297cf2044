"""Samples to batches: tasks by their share of tokens; rows padded to one length, or packed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import NamedTuple

import numpy as np

from erniekit_finetuning.base.corpus import Labelled
from erniekit_finetuning.base.curriculum import Shares, samples, shares, together
from erniekit_finetuning.base.rows import IGNORED, Encoder, Ints, Row, labels, positions

POOL = 24  # batches drawn, sorted by length and shuffled together
PACKED_POOL = 2  # batches; sequences of many rows are full without a larger choice
SPELLED = 0.12  # of the rows come letter by letter, so that words and letters mean the same
QUESTIONS = 3  # asked of one text: it is most of a row, and this way it is read once


class Batch(NamedTuple):
    """Right-padded sequences of rows, each array [sequences, length].

    `labels` are the next tokens, IGNORED for what is no answer. `positions` count from a row's
    start; every branch goes on at the position after the row's shared tokens. `texts` numbers the
    rows of a sequence from 1, padding is 0: tokens see those of their own row and branch before
    them, and the row's shared ones.
    """

    ids: Ints
    labels: Ints
    positions: Ints
    branches: Ints
    texts: Ints


class Laying(NamedTuple):
    """Sequences of a batch: padded rows of up to `length` tokens, or packed to exactly that."""

    batch_tokens: int
    length: int
    packed: bool


def batches(
    document: Callable[[random.Random], Labelled],
    encode: Encoder,
    seed: str,
    laying: Laying,
    progress: Callable[[], float],
) -> Iterator[Batch]:
    """Batches without end; `document` draws one, `progress` tells how much is done (0 to 1)."""
    wanted = (PACKED_POOL if laying.packed else POOL) * laying.batch_tokens
    for pool in count():
        rng = random.Random(f"{seed}/{pool}")
        rows = _pool(rng, document, encode, shares(progress()), wanted, laying.length)
        made = list(laid_out(rows, laying))
        rng.shuffle(made)
        # What is left of a packed pool would be a batch of mostly nothing.
        yield from (batch for batch in made if batch.texts[-1].any())


def laid_out(rows: Sequence[Row], laying: Laying) -> Iterator[Batch]:
    """The rows in batches: neighbours in length padded, or packed into sequences.

    Packed batches are all of one shape; the last one may end with empty sequences.
    """
    if not laying.packed:
        yield from map(pad, _cut(sorted(rows, key=lambda row: len(row.ids)), laying.batch_tokens))
        return
    sequences = _bins(rows, laying.length)
    size = laying.batch_tokens // laying.length
    for start in range(0, len(sequences), size):
        some = sequences[start : start + size]
        yield lay_out([*some, *[[]] * (size - len(some))], laying.length)


def _pool(
    rng: random.Random,
    document: Callable[[random.Random], Labelled],
    encode: Encoder,
    wanted: Shares,
    tokens: int,
    longest: int,
) -> list[Row]:
    """Rows until `tokens` are drawn; tasks furthest behind their shares come next."""
    drawn = dict.fromkeys(vars(wanted), 0)
    rows: list[Row] = []
    size = 0
    while size < tokens:
        behind = sorted(drawn, key=lambda name: drawn[name] / getattr(wanted, name))
        asked = together(behind)[:QUESTIONS]
        made = samples(rng, asked, lambda: document(rng))
        spelled = rng.random() < SPELLED
        row = encode(made, spelled)
        while len(row.ids) > longest and len(made) > 1:
            made = made[:-1]
            row = encode(made, spelled)
        if len(row.ids) <= longest:
            for number, task in enumerate(asked[: len(made)], start=1):
                drawn[task] += int((row.branches == number).sum())
            size += len(row.ids)
            rows.append(row)
    return rows


def _cut(rows: Sequence[Row], batch_tokens: int) -> Iterator[list[Row]]:
    """Neighbours in length, as many as fit in `batch_tokens` once padded."""
    batch: list[Row] = []
    for row in rows:
        if batch and (len(batch) + 1) * len(row.ids) > batch_tokens:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _bins(rows: Sequence[Row], length: int) -> list[list[Row]]:
    """Rows packed into sequences of up to `length` tokens: the longest first, where it fits."""
    bins: list[tuple[int, list[Row]]] = []  # tokens left, rows
    for row in sorted(rows, key=lambda row: -len(row.ids)):
        place = next((at for at, (left, _) in enumerate(bins) if left >= len(row.ids)), None)
        if place is None:
            bins.append((length - len(row.ids), [row]))
        else:
            left, some = bins[place]
            bins[place] = (left - len(row.ids), [*some, row])
    return [some for _, some in bins]


def pad(rows: Sequence[Row]) -> Batch:
    """A sequence a row, padded to the longest; its last token is only a label."""
    return lay_out([[row] for row in rows], max(len(row.ids) for row in rows) - 1)


def lay_out(sequences: Sequence[Sequence[Row]], length: int) -> Batch:
    """Each sequence's rows one after the other; a row that ends the sequence leaves its last token
    out, which predicts nothing."""
    shape = (len(sequences), length)
    batch = Batch(*(np.zeros(shape, dtype=np.int64) for _ in Batch._fields))
    batch.labels[:] = IGNORED
    for number, rows in enumerate(sequences):
        start = 0
        for text, row in enumerate(rows, start=1):
            end = min(start + len(row.ids), length)
            size = end - start
            batch.ids[number, start:end] = row.ids[:size]
            batch.positions[number, start:end] = positions(row)[:size]
            batch.branches[number, start:end] = row.branches[:size]
            batch.texts[number, start:end] = text
            batch.labels[number, start : start + len(row.ids) - 1] = labels(row)
            start = end
    return batch

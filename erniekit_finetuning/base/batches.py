"""Samples to padded batches: tasks by their share of tokens, similar lengths together."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from erniekit_finetuning.base.curriculum import (
    DRILLS,
    FIRST,
    LATER,
    SWITCH,
    TASKS,
    Labelled,
    Sample,
    Shares,
)

POOL = 24  # batches drawn, sorted by length and shuffled together
IGNORED = -100
SHORT, SHORT_UNTIL = 768, 0.55  # tokens of the longest row until this share of the run


class Row(NamedTuple):
    """Token ids of one sample; the first `prompt` of them are not trained."""

    ids: list[int]
    prompt: int


class Batch(NamedTuple):
    """Right-padded ids and next-token labels, each [rows, length]; the prompt has no labels."""

    ids: list[list[int]]
    labels: list[list[int]]


class Encoder:
    """Sample to Row with the tokenizer's own chat template."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def __call__(self, sample: Sample) -> Row:
        """Token ids of the user turn, the answer and the end token."""
        user = {"role": "user", "content": sample.prompt}
        template = self._tokenizer.apply_chat_template
        asked = template([user], add_generation_prompt=True, tokenize=False)
        prompt = self._ids(asked)
        answer = self._ids(sample.answer)
        return Row([*prompt, *answer, self._tokenizer.eos_token_id], len(prompt))

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids


def batches(
    documents: Sequence[Labelled],
    encode: Callable[[Sample], Row],
    seed: str,
    batch_tokens: int,
    max_seq_len: int,
    progress: Callable[[], float],
) -> Iterator[Batch]:
    """Batches without end. `progress` says which share of the run is done (0..1).

    Short documents come first: they teach the same copying for less attention.
    """
    pool = 0
    while True:
        rng, done = random.Random(f"{seed}/{pool}"), progress()
        shares = FIRST if done < SWITCH else LATER
        longest = SHORT if done < SHORT_UNTIL else max_seq_len
        rows = _pool(rng, documents, encode, shares, POOL * batch_tokens, longest)
        cut = list(_cut(sorted(rows, key=lambda row: len(row.ids)), batch_tokens))
        rng.shuffle(cut)
        yield from map(pad, cut)
        pool += 1


def _pool(
    rng: random.Random,
    documents: Sequence[Labelled],
    encode: Callable[[Sample], Row],
    shares: Shares,
    tokens: int,
    max_seq_len: int,
) -> list[Row]:
    """Rows until `tokens` are drawn; the task furthest behind its share comes next."""
    drawn = dict.fromkeys([*DRILLS, *TASKS], 0)
    rows: list[Row] = []
    while sum(drawn.values()) < tokens:
        task = min(drawn, key=lambda name: drawn[name] / getattr(shares, name))
        if task in DRILLS:
            row = encode(DRILLS[task](rng))
        else:
            row = encode(TASKS[task](rng, rng.choice(documents)))
        if len(row.ids) <= max_seq_len:
            drawn[task] += len(row.ids)
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


def pad(rows: Sequence[Row]) -> Batch:
    """Pad on the right; the label of a position is the token after it.

    >>> pad([Row([1, 7, 8, 2], 2), Row([1, 9, 2], 2)]).labels
    [[-100, 8, 2], [-100, 2, -100]]
    """
    length = max(len(row.ids) for row in rows) - 1
    ids, labels = [], []
    for row in rows:
        trained = [IGNORED] * (row.prompt - 1) + row.ids[row.prompt :]
        missing = length - len(trained)
        ids.append(row.ids[:-1] + [0] * missing)
        labels.append(trained + [IGNORED] * missing)
    return Batch(ids, labels)

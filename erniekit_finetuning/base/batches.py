"""Samples to padded batches: tasks by their share of tokens, similar lengths together."""

from __future__ import annotations

import json
import random
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from tokenizers import Tokenizer

from erniekit_finetuning.base.corpus import labelled
from erniekit_finetuning.base.curriculum import Shares, sample, shares
from erniekit_finetuning.base.drills import Sample

POOL = 24  # batches drawn, sorted by length and shuffled together
IGNORED = -100
# Tokens of the longest row until this share of the run.
LONGEST = ((0.15, 1024), (0.4, 1536))
TEXT_SHARE = 0.65  # of a row; a longer text leaves its answer no room
SPELLED = 0.12  # of the samples come letter by letter, so that words and letters mean the same


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
        """Keep the tokenizer, and one like it that spells every word."""
        self._tokenizer = tokenizer
        self._words = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        whole = json.loads(tokenizer.backend_tokenizer.to_str())
        whole["added_tokens"] = [one for one in whole["added_tokens"] if not one["single_word"]]
        self._letters = Tokenizer.from_str(json.dumps(whole))

    def __call__(self, sample: Sample, spelled: bool = False) -> Row:
        """Token ids of the user turn, the answer and the end token."""
        user = {"role": "user", "content": sample.prompt}
        template = self._tokenizer.apply_chat_template
        asked = template([user], add_generation_prompt=True, tokenize=False)
        tokens = self._letters if spelled else self._words
        prompt = tokens.encode(asked, add_special_tokens=False).ids
        answer = tokens.encode(sample.answer, add_special_tokens=False).ids
        return Row([*prompt, *answer, self._tokenizer.eos_token_id], len(prompt))

    def count(self, text: str) -> int:
        """Tokens of a text."""
        return len(self._words.encode(text, add_special_tokens=False).ids)


def batches(
    documents: Sequence[str],
    encode: Encoder,
    seed: str,
    batch_tokens: int,
    max_seq_len: int,
    progress: Callable[[], float],
) -> Iterator[Batch]:
    """Batches without end from rows of the corpus.

    `progress` says how much of the run is done (0 to 1). Short documents come first: they
    teach the same copying for less attention.
    """
    pool = 0
    by_size = sorted(
        (encode.count(labelled(document).text), index) for index, document in enumerate(documents)
    )
    while True:
        rng, done = random.Random(f"{seed}/{pool}"), progress()
        longest = next((most for until, most in LONGEST if done < until), max_seq_len)
        longest = min(longest, max_seq_len)
        fitting = by_size[: bisect(by_size, (int(TEXT_SHARE * longest), 0))]
        some = [documents[index] for _, index in fitting]
        rows = _pool(rng, some, encode, shares(done), POOL * batch_tokens, longest)
        cut = list(_cut(sorted(rows, key=lambda row: len(row.ids)), batch_tokens))
        rng.shuffle(cut)
        yield from map(pad, cut)
        pool += 1


def _pool(
    rng: random.Random,
    documents: Sequence[str],
    encode: Encoder,
    wanted: Shares,
    tokens: int,
    max_seq_len: int,
) -> list[Row]:
    """Rows until `tokens` are drawn; the task furthest behind its share comes next."""
    drawn = dict.fromkeys(vars(wanted), 0)
    rows: list[Row] = []
    while sum(drawn.values()) < tokens:
        task = min(drawn, key=lambda name: drawn[name] / getattr(wanted, name))
        made = sample(rng, task, lambda: labelled(rng.choice(documents)))
        row = encode(made, rng.random() < SPELLED)
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

"""Samples to padded batches: tasks by their share of tokens, similar lengths together."""

from __future__ import annotations

import json
import random
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from tokenizers import Tokenizer

from erniekit_finetuning.base.corpus import labelled
from erniekit_finetuning.base.curriculum import Shares, samples, shares, together
from erniekit_finetuning.base.drills import Sample

POOL = 24  # batches drawn, sorted by length and shuffled together
IGNORED = -100
# Tokens of the longest row until this share of the run.
LONGEST = ((0.15, 1024), (0.4, 1536))
TEXT_SHARE = 0.65  # of a row; a longer text leaves its answer no room
SPELLED = 0.12  # of the rows come letter by letter, so that words and letters mean the same
QUESTIONS = 3  # asked of one text: it is most of a row, and this way it is read once


class Row(NamedTuple):
    """Token ids of a text, and of each question about it with its answer.

    `trained` tells the tokens of answers. `branches` is 0 for tokens that all questions share, else
    the number of the question: tokens see the shared ones and those of their own branch.
    """

    ids: list[int]
    trained: list[bool]
    branches: list[int]


class Batch(NamedTuple):
    """Right-padded ids, next-token labels, positions and branches, each [rows, length].

    What is no answer has no labels. Every branch goes on at the position after the shared tokens.
    """

    ids: list[list[int]]
    labels: list[list[int]]
    positions: list[list[int]]
    branches: list[list[int]]


class Encoder:
    """Samples to Row with the tokenizer's own chat template."""

    def __init__(self, tokenizer: Any) -> None:
        """Keep the tokenizer, and one like it that spells every word."""
        self._tokenizer = tokenizer
        self._words = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        whole = json.loads(tokenizer.backend_tokenizer.to_str())
        whole["added_tokens"] = [one for one in whole["added_tokens"] if not one["single_word"]]
        self._letters = Tokenizer.from_str(json.dumps(whole))

    def __call__(self, samples: Sequence[Sample], spelled: bool = False) -> Row:
        """Tokens of user turns, answers and end tokens; samples about one text share its tokens."""
        turns = [self._turn(sample, spelled) for sample in samples]
        shared = _shared(turns)
        row = Row(turns[0].ids[:shared], [False] * shared, [0] * shared)
        for number, turn in enumerate(turns, start=1):
            row.ids.extend(turn.ids[shared:])
            row.trained.extend(at >= turn.prompt for at in range(shared, len(turn.ids)))
            row.branches.extend([number] * (len(turn.ids) - shared))
        return row

    def count(self, text: str) -> int:
        """Tokens of a text."""
        return len(self._words.encode(text, add_special_tokens=False).ids)

    def _turn(self, sample: Sample, spelled: bool) -> _Turn:
        user = {"role": "user", "content": sample.prompt}
        template = self._tokenizer.apply_chat_template
        asked = template([user], add_generation_prompt=True, tokenize=False)
        tokens = self._letters if spelled else self._words
        prompt = tokens.encode(asked, add_special_tokens=False).ids
        answer = tokens.encode(sample.answer, add_special_tokens=False).ids
        return _Turn([*prompt, *answer, self._tokenizer.eos_token_id], len(prompt))


class _Turn(NamedTuple):
    ids: list[int]
    prompt: int


def _shared(turns: Sequence[_Turn]) -> int:
    """How many tokens all turns start with; a question's last one is its own, it has a label."""
    most = min(turn.prompt for turn in turns) - 1
    same = takewhile(
        lambda some: len(set(some)) == 1, zip(*(turn.ids for turn in turns), strict=False)
    )
    return min(most, sum(1 for _ in same))


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
    """Rows until `tokens` are drawn; tasks furthest behind their shares come next."""
    drawn = dict.fromkeys(vars(wanted), 0)
    rows: list[Row] = []
    size = 0
    while size < tokens:
        behind = sorted(drawn, key=lambda name: drawn[name] / getattr(wanted, name))
        asked = together(behind)[:QUESTIONS]
        made = samples(rng, asked, lambda: labelled(rng.choice(documents)))
        spelled = rng.random() < SPELLED
        row = encode(made, spelled)
        while len(row.ids) > max_seq_len and len(made) > 1:
            made = made[:-1]
            row = encode(made, spelled)
        if len(row.ids) <= max_seq_len:
            for number, task in enumerate(asked[: len(made)], start=1):
                drawn[task] += row.branches.count(number)
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


def pad(rows: Sequence[Row]) -> Batch:
    """Pad on the right; the label of a position is the token after it in its branch.

    >>> batch = pad([Row([1, 7, 8, 2, 9, 2], [False, False, True, True, True, True],
    ...                  [0, 0, 1, 1, 2, 2])])
    >>> batch.labels
    [[-100, -100, 2, -100, 2]]
    >>> batch.positions
    [[0, 1, 2, 3, 2]]
    """
    length = max(len(row.ids) for row in rows) - 1
    batch = Batch([], [], [], [])
    for row in rows:
        labels = [
            row.ids[at] if row.trained[at] and row.branches[at] == row.branches[at - 1] else IGNORED
            for at in range(1, len(row.ids))
        ]
        missing = length - len(labels)
        batch.ids.append(row.ids[:-1] + [0] * missing)
        batch.labels.append(labels + [IGNORED] * missing)
        batch.positions.append(_positions(row.branches)[:-1] + [0] * missing)
        batch.branches.append(row.branches[:-1] + [0] * missing)
    return batch


def _positions(branches: Sequence[int]) -> list[int]:
    shared = branches.count(0)
    starts = {branch: branches.index(branch) for branch in set(branches)}
    return [
        at if branch == 0 else shared + at - starts[branch] for at, branch in enumerate(branches)
    ]

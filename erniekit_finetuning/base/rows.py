"""Samples about one text as a row of tokens: the text once, and each question behind it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from erniekit_finetuning.base.drills import Sample

IGNORED = -100
Ints = NDArray[np.int64]


class Row(NamedTuple):
    """Token ids of a text, and of each question about it with its answer; arrays [tokens].

    `trained` is 1 for tokens of answers. `branches` is 0 for tokens that all questions share, else
    the number of the question: tokens see the shared ones and those of their own branch.
    """

    ids: Ints
    trained: Ints
    branches: Ints


def labels(row: Row) -> Ints:
    """The token after each but the last where it is an answer's in the same branch, else IGNORED.

    >>> row = Row(*map(np.array, ([1, 7, 8, 2, 9, 2], [0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 2, 2])))
    >>> labels(row).tolist()
    [-100, -100, 2, -100, 2]
    """
    same = row.branches[1:] == row.branches[:-1]
    return np.where((row.trained[1:] == 1) & same, row.ids[1:], IGNORED)


def positions(row: Row) -> Ints:
    """Positions from 0; every branch goes on at the one after the shared tokens.

    >>> positions(Row(*map(np.array, ([1, 7, 8, 2, 9], [0, 0, 1, 1, 1], [0, 0, 1, 1, 2])))).tolist()
    [0, 1, 2, 3, 2]
    """
    at = np.arange(len(row.ids))
    shared = int((row.branches == 0).sum())
    starts = np.searchsorted(row.branches, row.branches)  # branches come in order
    return np.where(row.branches == 0, at, shared + at - starts)


class Encoder:
    """Samples to Row with the tokenizer's own chat template."""

    def __init__(self, tokenizer: Any) -> None:
        """Keep the tokenizer, and one like it that spells every word."""
        self.tokenizer = tokenizer
        self._words = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        whole = json.loads(tokenizer.backend_tokenizer.to_str())
        whole["added_tokens"] = [one for one in whole["added_tokens"] if not one["single_word"]]
        self._letters = Tokenizer.from_str(json.dumps(whole))

    def __call__(self, samples: Sequence[Sample], spelled: bool = False) -> Row:
        """Tokens of user turns, answers and end tokens; samples about one text share its tokens."""
        turns = [self._turn(sample, spelled) for sample in samples]
        shared = _shared(turns)
        ids, trained, branches = turns[0].ids[:shared], [0] * shared, [0] * shared
        for number, turn in enumerate(turns, start=1):
            size = len(turn.ids) - shared
            ids = ids + turn.ids[shared:]
            trained += [0] * (turn.prompt - shared) + [1] * (len(turn.ids) - turn.prompt)
            branches += [number] * size
        return Row(*(np.array(one, dtype=np.int64) for one in (ids, trained, branches)))

    def _turn(self, sample: Sample, spelled: bool) -> _Turn:
        user = {"role": "user", "content": sample.prompt}
        template = self.tokenizer.apply_chat_template
        asked = template([user], add_generation_prompt=True, tokenize=False)
        tokens = self._letters if spelled else self._words
        prompt = tokens.encode(asked, add_special_tokens=False).ids
        answer = tokens.encode(sample.answer, add_special_tokens=False).ids
        return _Turn([*prompt, *answer, self.tokenizer.eos_token_id], len(prompt))


class _Turn(NamedTuple):
    ids: list[int]
    prompt: int


def _shared(turns: Sequence[_Turn]) -> int:
    """How many tokens all turns start with; a question's last one is its own, it has a label."""
    most = min(turn.prompt for turn in turns) - 1
    first, *others = (np.array(turn.ids[:most]) for turn in turns)
    apart = [np.flatnonzero(first != other) for other in others]
    return min((int(places[0]) for places in apart if places.size), default=most)

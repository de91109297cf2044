"""How an answer may go on, guessed without a model: as a text went on that said the same before.

Invoices are copied from their text, and answers are alike in shape. A model reads several tokens in
hardly more time than one, so guessed ones are read along with the last: those that it would have
said itself are said, and what follows the first that it would not is dropped. Answers are what they
would be without guesses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

MOST = 8  # tokens guessed at once: more are right less often than they save a step
_CONTEXT = 8  # tokens that are compared at most


class Guesses:
    """What may come next in one answer, from texts that it may repeat: its prompt, another answer,
    itself."""

    def __init__(self, *texts: Sequence[int]) -> None:
        self._texts = [np.array(text, np.int64) for text in texts]
        self._places = [0] * (len(texts) + 1)  # how far each was copied last
        self._taken = 0, 0

    def after(self, said: Sequence[int], possible: Callable[[list[int]], int]) -> list[int]:
        """Up to MOST tokens, from the text that agrees longest with how `said` ends.

        `possible` tells how many of some tokens may come, from the first on: where none may, the
        next text is taken.
        """
        mine = np.array(said, np.int64)
        texts = [*self._texts, mine]
        found = [
            (*_agreement(text, mine, place), index)
            for index, (text, place) in enumerate(zip(texts, self._places, strict=True))
        ]
        for length, place, index in sorted(found, key=lambda one: -one[0]):
            tokens = texts[index][place : place + MOST].tolist() if length else []
            tokens = tokens[: possible(tokens)]
            if tokens:
                self._taken = index, place
                return tokens
        return []

    def right(self, count: int) -> None:
        """So many of the last guess were right: a copy goes on from there."""
        text, place = self._taken
        if count:
            self._places[text] = place + count


def _agreement(text: NDArray[np.int64], said: NDArray[np.int64], copied: int) -> tuple[int, int]:
    """How many tokens of `text` agree at most with how `said` ends, and the place after them.

    Of several such places the first that is not before `copied`, else the first.
    """
    lengths = np.zeros(len(text), np.int64)
    agrees = np.ones(len(text), np.bool_)
    for back in range(1, min(_CONTEXT, len(said), len(text)) + 1):
        agrees[back - 1 :] &= text[: len(text) - back + 1] == said[-back]
        agrees[: back - 1] = False
        if not agrees.any():
            break
        lengths += agrees
    longest = int(lengths[:-1].max(initial=0))  # nothing follows the last token
    if not longest:
        return 0, 0
    places = np.flatnonzero(lengths[:-1] == longest) + 1
    later = places[places >= copied]
    return longest, int(later[0] if len(later) else places[0])

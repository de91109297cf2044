"""Documents that say nearly the same: found by MinHash over runs of words (datasketch)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from datasketch import MinHash, MinHashLSH

from erniekit_finetuning.data.escaping import IMAGE_TAG
from erniekit_finetuning.data.pair import Pair

_WORD = re.compile(r"\w+")
_RUN = 4  # words
_PERMUTATIONS = 128
THRESHOLD = 0.85  # of the runs in common; two invoices of one form with other numbers have fewer


class Twin(NamedTuple):
    """Two rows that say nearly the same; `alike` is the estimated share of runs in common."""

    first: str
    second: str
    alike: float


class Twins:
    """Remembers what it has seen: a few kilobytes a document."""

    def __init__(self, threshold: float = THRESHOLD) -> None:
        self._index = MinHashLSH(threshold=threshold, num_perm=_PERMUTATIONS)
        self._seen: dict[str, MinHash] = {}
        self._threshold = threshold

    def of(self, origin: str, pair: Pair, remember: bool = True) -> Iterator[Twin]:
        """Twins of a pair among those seen before; the pair is remembered unless told not to."""
        made = signature(what_it_says(pair))
        for other in sorted(self._index.query(made)):
            alike = made.jaccard(self._seen[other])
            if alike >= self._threshold:
                yield Twin(other, origin, round(float(alike), 2))
        if remember:
            self._index.insert(origin, made, check_duplication=False)
            self._seen[origin] = made


def what_it_says(pair: Pair) -> str:
    """The document's text where the pair has it; else what is asked and answered."""
    if pair.text:
        return pair.text
    return "\n".join(turn.content.replace(IMAGE_TAG, "") for turn in pair.conversations)


def signature(text: str) -> MinHash:
    """The MinHash of the text's runs of words, letters' case aside."""
    words = _WORD.findall(text.casefold())
    runs = {" ".join(words[at : at + _RUN]) for at in range(max(1, len(words) - _RUN + 1))}
    made = MinHash(num_perm=_PERMUTATIONS)
    made.update_batch([run.encode("utf-8", "replace") for run in sorted(runs)])
    return made

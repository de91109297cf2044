"""Where the values of a JSON text stand in it, and how sure the model was of each."""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from erniekit_finetuning.engines.protocol import TokenScore
from erniekit_finetuning.errors import joined

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def leaf_spans(text: str) -> dict[str, tuple[int, int]]:
    """The characters [start, stop) of each leaf of a valid JSON text, quotes included, by path.

    >>> leaf_spans('{"a":[{"b":"x"},{"b":2}]}')
    {'a[0].b': (11, 14), 'a[1].b': (21, 22)}
    """
    found: dict[str, tuple[int, int]] = {}
    path: list[str | int] = []  # keys and places of the containers that are open
    inside: list[str] = []
    key_next = False
    for token in _TOKEN.finditer(text):
        said = token[0]
        if said in "{[":
            inside.append(said)
            path.append(0 if said == "[" else "")
            key_next = said == "{"
        elif said in "}]":
            inside.pop()
            path.pop()
        elif said == ",":
            key_next = inside[-1] == "{"
            if not key_next:
                path[-1] = int(path[-1]) + 1
        elif said == ":":
            key_next = False
        elif key_next:
            path[-1] = _unquoted(said)
        else:
            found[joined(path)] = token.span()
    return found


class TokenScores:
    """The tokens of one answer."""

    def __init__(self, tokens: Sequence[TokenScore]) -> None:
        self._tokens = tokens
        self._ends = [token.end for token in tokens]

    def within(self, start: int, stop: int) -> Sequence[TokenScore]:
        """The tokens that say the characters [start, stop)."""
        first = bisect_right(self._ends, start)
        last = bisect_left(self._ends, stop)
        return self._tokens[first : last + 1]

    def probability(self, start: int, stop: int) -> float:
        """The model's probability of the characters [start, stop): that of the tokens in it."""
        return math.exp(sum(token.logprob for token in self.within(start, stop)))


def _unquoted(key: str) -> str:
    if "\\" not in key:
        return key[1:-1]
    return str(json.loads(key))

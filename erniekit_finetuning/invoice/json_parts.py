"""The parts of a JSON text that may end anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*("?)|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_WORDS = {"true", "false", "null"}


class Sort(Enum):
    """`TORN`: the text ends in it, and nobody knows what it would have been."""

    OPEN = "{ or ["
    CLOSE = "} or ]"
    KEY = "a key"
    VALUE = "a string, number, true, false or null"
    TORN = "an unfinished key or value"


class Part(NamedTuple):
    """The characters [start, stop) of a text."""

    sort: Sort
    start: int
    stop: int


def parts(text: str) -> Iterator[Part]:
    """Brackets, keys and values in order; a number at the very end is torn, half of it is another.

    Of a text that is no start of a JSON text it gives what looks like parts.
    """
    open_objects: list[bool] = []  # of the containers that are open, which are objects
    key_next = False
    for token in _TOKEN.finditer(text):
        said = token[0]
        if said in ("{", "["):
            open_objects.append(said == "{")
            key_next = said == "{"
            yield Part(Sort.OPEN, *token.span())
        elif said in ("}", "]"):
            if open_objects:
                open_objects.pop()
            key_next = False
            yield Part(Sort.CLOSE, *token.span())
        elif said == ",":
            key_next = bool(open_objects) and open_objects[-1]
        elif said == ":":
            key_next = False
        elif _torn(token, text):
            yield Part(Sort.TORN, token.start(), len(text))
            return
        else:
            yield Part(Sort.KEY if key_next else Sort.VALUE, *token.span())


def _torn(token: re.Match[str], text: str) -> bool:
    if token[0].startswith('"'):
        return not token[1]
    return token.end() == len(text) and token[0] not in _WORDS

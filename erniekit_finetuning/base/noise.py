"""What OCR does to words, done to a document's text and to its truth alike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random
from typing import Any

from synthetic_invoice_generator.chance import chance, pick

_LIKE = {
    "0": "Oo", "O": "0", "o": "0", "1": "lI", "l": "1I", "I": "l1", "5": "S", "S": "5", "8": "B",
    "B": "8", "2": "Z", "Z": "2", "6": "G", "G": "6", "e": "c", "c": "e", "u": "ü", "ü": "u",
    "ö": "o", "ä": "a", "é": "e", "è": "e", "ç": "c", "ß": "B", "n": "h", "h": "n", "t": "f",
    "i": "l", ".": ",", ",": ".", ":": ";", "-": "–", "€": "E", "ł": "l", "ó": "o", "ñ": "n",
}  # fmt: skip
_MARKS = ".,:;'"
_WORD = re.compile(r"[^ \t\n\f]+")


def noisy_words(rng: Random, text: str, share: float) -> dict[str, str]:
    """Which words of the text are misread, and as what; every place of a word the same way.

    `share` is the share of words (0 to 1).
    """
    words = sorted(set(_WORD.findall(text)))
    return {word: _misread(rng, word) for word in words if chance(rng, share)}


def reread(words: Mapping[str, str], said: Any) -> Any:
    """The text, or every string of an answer, with the misread words in their places."""
    if isinstance(said, str):
        return _reread(words, said)
    if isinstance(said, Mapping):
        return {key: reread(words, value) for key, value in said.items()}
    if isinstance(said, list):
        return [reread(words, value) for value in said]
    return said


def _reread(words: Mapping[str, str], text: str) -> str:
    return _WORD.sub(lambda found: words.get(found[0], found[0]), text) if words else text


def _misread(rng: Random, word: str) -> str:
    """One letter taken for one like it, left out, or doubled."""
    place = rng.randrange(len(word))
    letter = word[place]
    if letter in _LIKE and chance(rng, 0.75):
        return word[:place] + pick(rng, _LIKE[letter]) + word[place + 1 :]
    if len(word) > 3 and letter not in _MARKS and chance(rng, 0.5):
        return word[:place] + word[place + 1 :]
    return word

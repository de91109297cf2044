"""What OCR does to words, done to a document's text and to its truth alike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random

from erniekit_finetuning.base.corpus import Labelled
from synthetic_invoice_generator.chance import chance, pick

_LIKE = {
    "0": "Oo", "O": "0", "o": "0", "1": "lI", "l": "1I", "I": "l1", "5": "S", "S": "5", "8": "B",
    "B": "8", "2": "Z", "Z": "2", "6": "G", "G": "6", "e": "c", "c": "e", "u": "ü", "ü": "u",
    "ö": "o", "ä": "a", "é": "e", "è": "e", "ç": "c", "ß": "B", "n": "h", "h": "n", "t": "f",
    "i": "l", ".": ",", ",": ".", ":": ";", "-": "–", "€": "E", "ł": "l", "ó": "o", "ñ": "n",
}  # fmt: skip
_MARKS = ".,:;'"
_COMMA = re.compile(r"(?<=\d),(?=\d)")
_WORD = re.compile(r"[^ \t\n\f]+")


def misread(rng: Random, document: Labelled) -> Labelled:
    """The document with a share of its words misread, now and then its commas too.

    Every value that is asked for still stands in it: words that hold a part of one stay.
    """
    words = noisy_words(rng, document.text, pick(rng, (0.01, 0.03, 0.08, 0.2)))
    if chance(rng, 0.3):
        words = {**without_commas(rng, document.text), **words}
    asked = set(_WORD.findall("\n".join(document.asked())))
    words = {
        word: read
        for word, read in words.items()
        if word in asked or not any(len(part) > 1 and part in word for part in asked)
    }
    other = reread(words, document)
    return other if other.complete() else document


def noisy_words(rng: Random, text: str, share: float) -> dict[str, str]:
    """Which words of the text are misread, and as what; every place of a word the same way.

    `share` is the share of words (0 to 1).
    """
    words = sorted(set(_WORD.findall(text)))
    return {word: _worse(rng, word) for word in words if chance(rng, share)}


def without_commas(rng: Random, text: str) -> dict[str, str]:
    """A share of the numbers whose commas are read as periods, and what is read."""
    share = pick(rng, (0.1, 0.3, 0.6))
    words = sorted({word for word in _WORD.findall(text) if _COMMA.search(word)})
    return {word: _COMMA.sub(".", word) for word in words if chance(rng, share)}


def reread(words: Mapping[str, str], document: Labelled) -> Labelled:
    """The document with the misread words in their places, its truth likewise."""
    return document.changed(lambda said: _WORD.sub(lambda one: words.get(one[0], one[0]), said))


def _worse(rng: Random, word: str) -> str:
    """Misread once, now and then up to three times."""
    for _ in range(pick(rng, (1, 1, 1, 1, 2, 3))):
        word = _misread(rng, word)
    return word


def _misread(rng: Random, word: str) -> str:
    """One letter taken for one like it, left out, or doubled."""
    place = rng.randrange(len(word))
    letter = word[place]
    if letter in _LIKE and chance(rng, 0.75):
        return word[:place] + pick(rng, _LIKE[letter]) + word[place + 1 :]
    if len(word) > 3 and letter not in _MARKS and chance(rng, 0.5):
        return word[:place] + word[place + 1 :]
    return word

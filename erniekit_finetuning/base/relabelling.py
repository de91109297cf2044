"""Labels of a finished text in other words: no wording may be relied on alone.

Where the words say nothing, what is left is where a value stands and what it looks like.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from functools import cache
from random import Random
from typing import NamedTuple

from erniekit_finetuning.base.text_rows import half_invented, invented_words
from synthetic_invoice_generator.chance import chance, pick, weighted
from synthetic_invoice_generator.locale import LabelKey, load_locale, locale_codes

_CELL = re.compile(r"[^\t\n\f]+")
_RATE = re.compile(r"\d+(?:[.,]\d+)? ?%")
_RATE_PLACE = "{rate}"
_MARKS = " :"
_SHARES = {0.0: 3, 0.3: 2, 0.7: 2, 1.0: 3}  # of a text's labels
_MIXED = {"reworded": 4, "half": 3, "invented": 3}
_NEW = {"half": 1, "invented": 2}  # a house that says nothing as others do


class _Meaning(NamedTuple):
    """What a label says, and in which locale."""

    locale: str
    key: LabelKey


def relabelled(rng: Random, text: str, values: Set[str]) -> str:
    """The text with a share of its labels, none to all, reworded or invented.

    `values` are rows of what the text is asked for; they stay as they are. A label is changed the
    same way at all its places.
    """
    share = weighted(rng, _SHARES)
    if not share:
        return text
    ways = _MIXED if chance(rng, 0.6) else _NEW
    changes: dict[str, str] = {}

    def changed(label: str) -> str:
        if label not in changes:
            changes[label] = _other(rng, label, ways) if chance(rng, share) else label
        return changes[label]

    def cell(found: re.Match[str]) -> str:
        label = "" if found[0] in values else _label(found[0], values)
        if not label:
            return found[0]
        rate = _RATE.search(label)
        if rate is None:
            return changed(label) + found[0][len(label) :]
        plain = label.replace(rate[0], _RATE_PLACE)
        return changed(plain).replace(_RATE_PLACE, rate[0]) + found[0][len(label) :]

    other = _CELL.sub(cell, text)
    # Rows that a value was put together from may hold labels, too; such a text stays whole.
    return other if all(value in other for value in values) else text


def _label(cell: str, values: Set[str]) -> str:
    """The known label that is the cell, or that stands in it before a colon or a value."""
    ends = [len(cell)] + [at for at in range(len(cell) - 1, 0, -1) if cell[at] in _MARKS]
    for end in ends:
        label = cell[:end].rstrip(_MARKS)
        parted = end == len(cell) or cell[end] == ":" or cell[end:].strip(_MARKS) in values
        if parted and label and _meanings().get(_RATE.sub(_RATE_PLACE, label, 1).casefold()):
            return label
    return ""


def _other(rng: Random, label: str, ways: Mapping[str, float]) -> str:
    """Other words for a label; {rate} stays in it, and capitals stay capitals."""
    way = weighted(rng, ways)
    if way == "reworded":
        meaning = pick(rng, _meanings()[label.casefold()])
        said = pick(rng, _wordings(meaning))
        if (_RATE_PLACE in said) != (_RATE_PLACE in label):
            said = label
    else:
        words = label.replace(_RATE_PLACE, "").strip() or label
        said = half_invented(rng, words) if way == "half" else invented_words(rng, 3)
        if _RATE_PLACE in label:
            said = pick(rng, (f"{said} {{rate}}", f"{{rate}} {said}", f"{said} ({{rate}})"))
    return said.upper().replace("{RATE}", _RATE_PLACE) if label.isupper() else said


def _wordings(meaning: _Meaning) -> tuple[str, ...]:
    return load_locale(meaning.locale).labels[meaning.key].common


@cache
def _meanings() -> dict[str, tuple[_Meaning, ...]]:
    """Every common label of the locales in Latin letters, in small letters, without its colon."""
    found: dict[str, list[_Meaning]] = {}
    for code in locale_codes():
        locale = load_locale(code)
        if locale.script != "latin":
            continue
        for key, wordings in locale.labels.items():
            for wording in wordings.common:
                plain = wording.rstrip(_MARKS).casefold()
                if "{" not in plain.replace(_RATE_PLACE, ""):
                    found.setdefault(plain, []).append(_Meaning(code, key))
    return {label: tuple(meanings) for label, meanings in found.items()}

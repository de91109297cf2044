"""How prints of each sort look, generously: a shape must never shut out what is printed.

A shape is told by the pieces of the document that may stand in it, sorted out before a grammar is
made, and by its digit. Dates, amounts, currencies and tax ids are listed instead (`candidates`).
Lengths as expressions would cost more than everything else of a grammar.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from erniekit_finetuning.data.schemas.tree import Print
from erniekit_finetuning.decoding.units import ROW_END

CHARACTER = r'([^"\\\x00-\x1f]|\\["\\\/bfnrt]|\\u00[0-9a-f][0-9a-f])'  # as compact JSON writes it
_DIGIT = re.compile(r"\d")
_CHARACTER = re.compile(CHARACTER)


@dataclass(frozen=True)
class Shape:
    """`digit`: whether one must be there.

    `letters` is the longest word that may stand in it, `reach` how many characters it goes on from
    a digit on either side; None for no bound. `parted` are marks that end it.
    """

    digit: bool = False
    letters: int | None = None
    reach: int | None = None
    parted: str = ""


SHAPES = {
    Print.TEXT: Shape(),
    Print.ROWS: Shape(),
    Print.NUMBER: Shape(digit=True, letters=15, reach=30),  # 3 Arbeitsstunden
    Print.RATE: Shape(digit=True, letters=15, reach=30),
    # INVOICE-2025-7; label, number and date part at such marks
    Print.IDENTIFIER: Shape(digit=True, letters=10, reach=40, parted=",;:()€$£%@|●•·"),
}


def pieces(units: Sequence[str], shape: Shape) -> tuple[str, ...]:
    """The units of a document that such a value may hold; ROW_END where others stood."""
    admitted = [unit if _admits(shape, unit) else ROW_END for unit in units]
    if shape.reach is not None:
        forward = _reached(admitted, shape.reach)
        backward = reversed(_reached(admitted[::-1], shape.reach))
        both = zip(admitted, forward, backward, strict=True)
        admitted = [unit if one or other else ROW_END for unit, one, other in both]
    kept = [ROW_END]
    for unit in admitted:
        if unit != ROW_END or kept[-1] != ROW_END:
            kept.append(unit)
    return tuple(kept)


def _admits(shape: Shape, unit: str) -> bool:
    if unit in shape.parted:
        return False
    return shape.letters is None or len(unit) <= shape.letters or not unit.isalpha()


def _reached(units: Sequence[str], reach: int) -> list[bool]:
    """Whether each unit has a digit, or one at most `reach` characters before it in its row."""
    found, left = [], 0
    for unit in units:
        left = 0 if unit == ROW_END else reach if has_digit(unit) else left - len(unit)
        found.append(left > 0)
    return found


def has_digit(text: str) -> bool:
    """Whether a decimal digit of any script is in it."""
    return _DIGIT.search(text) is not None


def length(escaped: str) -> int:
    """Characters of what stands as compact JSON."""
    return len(_CHARACTER.findall(escaped))

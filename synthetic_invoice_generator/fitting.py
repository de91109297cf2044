"""Sizes that keep values on one line, estimated from letter counts before anything is drawn."""

from __future__ import annotations

from collections.abc import Sequence

from synthetic_invoice_generator.style import Style

_PAGE_MM = {"a4": 210.0, "us-letter": 215.9}
_POINT_MM = 0.3528
_LETTER_EM = 0.5  # mean width of a small letter or a digit in the two serif fonts
_MONO_EM = 0.605
_CAPITAL = 1.4  # width of a capital in small letters
_BOLD = 1.12
_PADDING = 2.2  # letters' worth of inset a table column has
_LARGEST_NAME = 1.25  # em, the size of the seller's name in the classic layout
_SMALLEST = 0.6


def letters_across(style: Style) -> float:
    """How many letters of the text size stand side by side between the margins."""
    width = _PAGE_MM[style.paper] - 2 * style.margin
    em = _MONO_EM if "Mono" in style.font else _LETTER_EM
    return width / (style.size * _POINT_MM * em)


def table_scale(headings: Sequence[str], rows: Sequence[Sequence[str]], style: Style) -> float:
    """The scale (0.6 to 1) at which the longest cell of every column fits beside the others."""
    need = sum(
        max(_width(heading, style) * _BOLD, *(_width(cell, style) for cell in cells)) + _PADDING
        for heading, *cells in zip(headings, *rows, strict=True)
    )
    return _scale(letters_across(style), need)


def name_scale(name: str, heading: str | None, style: Style) -> float:
    """The scale at which a party's heading and name stand side by side in half the width."""
    need = _width(name, style) * _BOLD * _LARGEST_NAME + _width(heading or "", style) + 2
    return _scale(letters_across(style) * 0.46, need)


def _width(text: str, style: Style) -> float:
    """The width of `text` in small letters; in a mono font every letter has the same."""
    if "Mono" in style.font:
        return len(text)
    return len(text) + (_CAPITAL - 1) * sum(letter.isupper() for letter in text)


def _scale(room: float, need: float) -> float:
    return round(max(_SMALLEST, min(1.0, room / need)), 3)

"""Sizes that keep values on one line, estimated from letter counts before anything is drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence

from synthetic_invoice_generator.looks.style import Style
from synthetic_invoice_generator.scenario.goods import width

_PAGE_MM = {"a4": 210.0, "us-letter": 215.9}
_POINT_MM = 0.3528
_SIDEBAR = 62  # millimetres left of the text in the layout with a side bar
_CAPITAL = 1.4  # width of a capital in small letters
_BOLD = 1.12
_PADDING = 2.2  # letters' worth of inset a table column has
_LARGEST_NAME = 1.25  # em, the size of the seller's name in the classic layout
_SMALLEST = 0.6
_SMALL = 0.82  # em, the footer
_LEADING = 1.35
_HALF, _THIRD = 0.46, 0.33  # what two and three columns of parties leave to each


def letters_across(style: Style) -> float:
    """How many letters of the text size stand side by side between the margins."""
    left = _SIDEBAR if style.family == "sidebar" else style.margin
    width = _PAGE_MM[style.paper] - left - style.margin
    return width / (style.size * _POINT_MM * style.face.em)


def table_scale(headings: Sequence[str], rows: Sequence[Sequence[str]], style: Style) -> float:
    """The scale (0.6 to 1) at which the longest cell of every column fits beside the others."""
    need = sum(
        max(_width(heading, style) * _BOLD, *(_width(cell, style) for cell in cells)) + _PADDING
        for heading, *cells in zip(headings, *rows, strict=True)
    )
    return _scale(letters_across(style), need)


def name_scale(name: str, heading: str | None, style: Style) -> float:
    """The scale at which a party's heading and name stand side by side in their column."""
    need = _width(name, style) * _BOLD * _LARGEST_NAME + _width(heading or "", style) + 2
    return _scale(_side_room(style), need)


def address_scale(rows: Sequence[str], style: Style) -> float:
    """The scale at which the longest row of an address stays on one line in its column."""
    return _scale(_side_room(style), max((_width(row, style) for row in rows), default=0) + 1)


def line_scale(text: str, style: Style) -> float:
    """The scale at which `text` stays on one line between the margins."""
    return _scale(letters_across(style), _width(text, style) + 1)


def _side_room(style: Style) -> float:
    return letters_across(style) * (_THIRD if style.family == "trio" else _HALF)


def footer_height(footer: Sequence[str], style: Style) -> float:
    """Millimetres below the text for the small print (more than two rows stand in two columns)."""
    columns = 2 if len(footer) > 2 else 1
    room = letters_across(style) / _SMALL / columns - 4
    wrapped = [math.ceil(_width(text, style) / room) for text in footer]
    rows = sum(max(wrapped[at : at + columns]) for at in range(0, len(wrapped), columns))
    return round(14 + (rows + 2) * style.size * _SMALL * _LEADING * _POINT_MM, 1)


def _width(text: str, style: Style) -> float:
    """The width of the longest row of `text` in small letters; all are one wide in a mono font."""
    return max(_row_width(row, style) for row in text.split("\n"))


def _row_width(text: str, style: Style) -> float:
    if style.face.kind == "mono":
        return width(text)
    return width(text) + (_CAPITAL - 1) * sum(letter.isupper() for letter in text)


def _scale(room: float, need: float) -> float:
    return round(max(_SMALLEST, min(1.0, room / max(need, 1))), 3)

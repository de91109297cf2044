"""Sizes that keep values on one line, estimated from letter counts before anything is drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from synthetic_invoice_generator.looks.paper import MILLIMETRES, ROLL, ROLL_MARGIN
from synthetic_invoice_generator.looks.style import Style
from synthetic_invoice_generator.scenario.goods import width

_POINT_MM = 0.3528
_SIDEBAR = 62  # millimetres left of the text in the layout with a side bar
_NARROW = 0.72  # of that on small sheets
_CAPITAL = 1.4  # width of a capital in small letters
_BOLD = 1.12
_PADDING = 2.2  # letters' worth of inset a table column has
_LARGEST_NAME = 1.25  # em, the size of the seller's name in the classic layout
_SMALLEST = 0.6
_SMALL = 0.82  # em, the footer
_LEADING = 1.35
# Layouts that put the labels above the values whatever the style says, and those that never do.
_ABOVE, _NEVER_ABOVE = ("trio", "sidebar"), ("compact", "dots", "letter")
_HALF, _THIRD = 0.46, 0.33  # what two and three columns of parties leave to each


def letters_across(style: Style) -> float:
    """How many letters of the text size stand side by side between the margins."""
    return _across(style) / (style.size * _POINT_MM * style.face.em)


def _across(style: Style) -> float:
    """Millimetres between the margins."""
    if style.family == "roll":
        return ROLL - 2 * ROLL_MARGIN
    left: float = style.margin
    if style.family == "sidebar":
        left = _SIDEBAR * (_NARROW if style.paper == "a5" else 1)
    return MILLIMETRES[style.paper][1 if style.landscape else 0] - left - style.margin


def table_scale(headings: Sequence[str], rows: Sequence[Sequence[str]], style: Style) -> float:
    """The scale (0.6 to 1) at which the longest cell of every column fits beside the others.

    On a roll, where a cell has a row of its own, at which the longest one fits.
    """
    if style.family == "roll":
        return line_scale("\n".join(cell for row in rows for cell in row), style)
    return _scale(letters_across(style), _table_need(headings, rows, style))


def table_fits(headings: Sequence[str], rows: Sequence[Sequence[str]], style: Style) -> bool:
    """Whether a table keeps every cell on one line at the smallest scale."""
    if style.family == "roll":
        return True
    return _table_need(headings, rows, style) * _SMALLEST <= letters_across(style)


def _table_need(headings: Sequence[str], rows: Sequence[Sequence[str]], style: Style) -> float:
    return sum(
        max(_width(heading, style) * _BOLD, *(_width(cell, style) for cell in cells)) + _PADDING
        for heading, *cells in zip(headings, *rows, strict=True)
    )


def name_scale(name: str, heading: str | None, style: Style) -> float:
    """The scale at which a party's name stays on one line of its column.

    In the compact layout its heading stands beside it.
    """
    beside = _width(heading or "", style) if style.family == "compact" else 0
    need = _width(name, style) * _BOLD * _LARGEST_NAME + beside + 2
    return _scale(_side_room(style), need)


def address_scale(rows: Sequence[str], style: Style) -> float:
    """The scale at which the longest row of an address stays on one line in its column."""
    return _scale(_side_room(style), max((_width(row, style) for row in rows), default=0) + 1)


def rows_scale(rows: Sequence[Mapping[str, str]], style: Style) -> float:
    """The scale at which rows of label and value stand beside each other in a party's column."""
    labels = max((_width(row["label"], style) for row in rows), default=0) * _BOLD
    values = max((_width(row["value"], style) for row in rows), default=0)
    above = style.label_position == "above" and style.family not in _NEVER_ABOVE
    need = max(labels * _SMALL, values) if above or style.family in _ABOVE else labels + values + 3
    return _scale(_side_room(style), need)


def line_scale(text: str, style: Style) -> float:
    """The scale at which `text` stays on one line between the margins."""
    return _scale(letters_across(style), _width(text, style) + 1)


def _side_room(style: Style) -> float:
    share = {"trio": _THIRD, "roll": 1.0}.get(style.family, _HALF)
    return letters_across(style) * share


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

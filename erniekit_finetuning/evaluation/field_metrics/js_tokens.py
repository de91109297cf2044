"""Items of a list as JavaScript tells them apart and sorts them, which json-diff relies on."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

NESTED = "nested"
# A scalar's type and value, or NESTED and the number of an object or list.
Token = tuple[str, Any]


def nested(value: Any) -> bool:
    """Whether a value is an object or a list."""
    return isinstance(value, dict | list)


def token(scalar: Any) -> Token:
    """Type and value: 1 is 1.0, and is neither true nor "1"; every number is a double.

    >>> token(1) == token(1.0), token(1) == token(True)
    (True, False)
    """
    if scalar is None:
        return "null", None
    if isinstance(scalar, bool):
        return "boolean", scalar
    if isinstance(scalar, str):
        return "string", scalar
    try:
        return "number", float(scalar)
    except OverflowError:
        return "number", math.inf if scalar > 0 else -math.inf


def sorted_tokens(values: Iterable[Any], numbers: Iterable[int]) -> list[Token]:
    """Tokens of the values' scalars and of numbered objects and lists, in JavaScript's order.

    Array.sort compares texts by their UTF-16 units; json-diff has an object's or list's number
    stand in it as a text of its own, so the tenth comes before the second.

    >>> [value for _, value in sorted_tokens(["b", 10, {}, 9, None], [1])]
    [10.0, 9.0, 1, 'b', None]
    """
    tokens = [token(value) for value in values if not nested(value)]
    tokens += [(NESTED, number) for number in numbers]
    return sorted(tokens, key=_order)


def _order(item: Token) -> bytes:
    return _text(item).encode("utf-16-be", "surrogatepass")


def _text(item: Token) -> str:
    kind, value = item
    if kind == NESTED:
        return f"__$!SCALAR{value}"
    if kind == "number":
        return _number_text(value)
    if kind == "boolean":
        return "true" if value else "false"
    return "null" if value is None else str(value)


def _number_text(number: float) -> str:
    """The text that JavaScript gives a number: 1, 0.000001, 1e-7, 1e+21.

    >>> [_number_text(number) for number in (1.0, 1e-6, 1e-7, 2.5e20, 1e21)]
    ['1', '0.000001', '1e-7', '250000000000000000000', '1e+21']
    """
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if number == 0:
        return "0"
    if 1e-6 <= abs(number) < 1e21:
        digits = f"{Decimal(repr(number)):f}"
        return digits.rstrip("0").rstrip(".") if "." in digits else digits
    mantissa, _, exponent = repr(number).partition("e")
    return f"{mantissa}e{int(exponent):+d}"

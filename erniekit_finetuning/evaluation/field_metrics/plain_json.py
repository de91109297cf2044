"""One form of JSON for all metrics: objects, lists, text, numbers, booleans and null, not deep."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from erniekit_finetuning.invoice.model import bounded

# Far deeper than any document's JSON, and shallow enough for every metric's recursion.
MAX_DEPTH = 64


def plain(value: Any, depth: int = MAX_DEPTH) -> Any:
    """A copy with dict, list, str, int, float, bool and None alone.

    A Decimal becomes its digits as text, as `strict_json` leaves numbers, so 5.00 stays "5.00".
    An object or list nested more than MAX_DEPTH deep counts as null: a model that writes nothing
    but brackets has no metric worth a crash.

    >>> from decimal import Decimal
    >>> plain({"total": Decimal("5.00"), "lines": ({"quantity": 2},)})
    {'total': '5.00', 'lines': [{'quantity': 2}]}
    """
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Decimal):
        return number_text(value)
    if not isinstance(value, Mapping | list | tuple):
        raise TypeError(f"not a JSON value: {type(value).__name__}")
    if depth == 0:
        return None
    if isinstance(value, Mapping):
        return {str(key): plain(item, depth - 1) for key, item in value.items()}
    return [plain(item, depth - 1) for item in value]


def number_text(number: int | float | Decimal) -> str:
    """A number's text; a Decimal's digits as they were written.

    >>> from decimal import Decimal
    >>> number_text(Decimal("12.50")), number_text(3)
    ('12.50', '3')
    """
    # Not 1e999999999: written out it would fill the memory.
    if isinstance(number, Decimal) and bounded(number):
        return f"{number:f}"
    return str(number)

"""JSON in which a number stays as it was written: 5.00 is not 5.0."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from erniekit_finetuning.data.pair import compact


def exact_json(value: Any) -> str:
    """Compact JSON of what was read with numbers as Decimal.

    >>> exact_json({"total": Decimal("5.00"), "lines": [1, None, "é"]})
    '{"total":5.00,"lines":[1,null,"é"]}'
    """
    try:
        return compact(value)
    except TypeError:  # a Decimal somewhere in it
        return _exact(value)


def _exact(value: Any) -> str:
    if isinstance(value, dict):
        inner = (f"{compact(str(k))}:{_exact(value[k])}" for k in value)
        return "{" + ",".join(inner) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_exact, value)) + "]"
    if isinstance(value, Decimal):
        return str(value)
    return compact(value)

"""JSON in which a number stays as it was written: 5.00 is not 5.0."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from erniekit_finetuning.data.pair import compact


def exact_json(value: Any, indent: int | None = None) -> str:
    """JSON of what was read with numbers as Decimal, compact unless `indent` is given.

    >>> exact_json({"total": Decimal("5.00"), "lines": [1, None, "é"]})
    '{"total":5.00,"lines":[1,null,"é"]}'
    >>> print(exact_json({"lines": [{"price": Decimal("5.00")}]}, indent=1))
    {
     "lines": [
      {
       "price": 5.00
      }
     ]
    }
    """
    if indent is not None:
        return _indented(value, "\n", " " * indent)
    try:
        return compact(value)
    except TypeError:  # a Decimal somewhere in it
        return _exact(value)


def _exact(value: Any) -> str:
    if isinstance(value, dict):
        inner = (f"{compact(str(k))}:{_exact(value[k])}" for k in value)
        return "{" + ",".join(inner) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_exact, value)) + "]"
    if isinstance(value, Decimal):
        return str(value)
    return compact(value)


def _indented(value: Any, start: str, step: str) -> str:
    """`start` begins a line as deep as the value stands; what holds no container is one line."""
    inner = start + step
    if isinstance(value, dict) and value:
        rows = (f"{compact(str(k))}: {_indented(value[k], inner, step)}" for k in value)
        return "{" + inner + f",{inner}".join(rows) + start + "}"
    if isinstance(value, list | tuple) and any(isinstance(x, dict | list | tuple) for x in value):
        rows = (_indented(item, inner, step) for item in value)
        return "[" + inner + f",{inner}".join(rows) + start + "]"
    return _exact(value)

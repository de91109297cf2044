"""JSON in which a number stays as it was written: 5.00 is not 5.0."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any


def exact_json(value: Any) -> str:
    """Compact JSON of what was read with numbers as Decimal.

    >>> exact_json({"total": Decimal("5.00"), "lines": [1, None, "é"]})
    '{"total":5.00,"lines":[1,null,"é"]}'
    """
    if isinstance(value, dict):
        inner = (f"{json.dumps(str(k), ensure_ascii=False)}:{exact_json(value[k])}" for k in value)
        return "{" + ",".join(inner) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(exact_json, value)) + "]"
    if isinstance(value, Decimal):
        return str(value)
    return json.dumps(value, ensure_ascii=False)

"""The JSON accuracy of getomni's OCR benchmark: the share of fields that need no change."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from erniekit_finetuning.evaluation.field_metrics.json_diff import Differ, count_fields
from erniekit_finetuning.evaluation.field_metrics.plain_json import plain

_KEY = "value"
_PLACES = Decimal("0.0001")


def json_accuracy(truth: Any, found: Any) -> float:
    """1 - fields added, missing or changed / fields of the truth, 0 to 1, to four digits.

    getomni-ai/benchmark, src/evaluation/json.ts, over the diff of andreyvit/json-diff with `sort`,
    so an order of items in a list costs nothing.

    Traits of the original that are kept: a list whose key is missing or invented costs nothing (a
    list that became null costs all its items), nor does a change within a list that stands
    directly in a list; a truth's null that became an object or list costs that one's fields;
    keys that contain "__" are no fields.

    Where it differs: the original has objects alone, and any other value counts as if it stood
    under one key; it divides by 0 for a truth without fields, which scores 1 where no change is
    counted, else 0. It reads a few texts as its own marks or as JavaScript's names, which are
    plain text here: keys such as "constructor", "__old" or "x__added", items such as
    "constructor", "__next" or "__$!SCALAR1", and lists such as ["+", 1].

    >>> json_accuracy({"a": 1, "lines": [{"b": 2}, {"b": 3}]}, {"a": 1, "lines": [{"b": 3}]})
    0.6667
    """
    one, other = plain(truth), plain(found)
    if not isinstance(one, dict) or not isinstance(other, dict):
        one, other = {_KEY: one}, {_KEY: other}
    changed, fields = Differ().compare(one, other).fields, count_fields(one)
    if changed == 0 or fields == 0:
        return float(changed == 0)
    # As JavaScript's toFixed: the double's own value, a tie upwards.
    share = Decimal(max(0.0, 1 - changed / fields))
    return float(share.quantize(_PLACES, ROUND_HALF_UP))

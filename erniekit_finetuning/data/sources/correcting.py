"""A reviewer's correction over a model's output: field by field, the rest stays."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Any

from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.invoice.response import BLOCKS

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def merged(original: Any, correction: Any, ours: bool = True) -> Any:
    """The original with the correction's fields in place of its own; lists are replaced whole.

    A flat name of a correction ("total") finds its block in a nested original; a path reaches into
    it. A value with its print ({"printed": ..}) is one value: no part of the old one stays. Without
    `ours` the keys are somebody's own, and none has a meaning.

    >>> merged({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": 9}, "d": [2]})
    {'a': {'b': 9, 'c': 2}, 'd': [2]}
    >>> merged({"line_items": [{"quantity": "1"}]}, {"line_items[0].quantity": "2"})
    {'line_items': [{'quantity': '2'}]}
    """
    if not isinstance(original, Mapping) or not isinstance(correction, Mapping):
        return correction
    if ours and ("printed" in original or "printed" in correction):
        return correction
    if ours and "structured_data" in original and "structured_data" not in correction:
        return {**original, "structured_data": merged(original["structured_data"], correction)}
    result = dict(original)
    for key, value in correction.items():
        if key in result:
            result[key] = merged(result[key], value, ours)
        elif "." in key or "[" in key:
            result = _with(result, key, value)
        elif ours and (block := _block_of(key, result)):
            result[block] = merged(result[block], {key: value})
        else:
            result[key] = value
    return result


def _block_of(key: str, nested: Mapping[str, Any]) -> str | None:
    return next((name for name, keys in BLOCKS.items() if key in keys and name in nested), None)


def _with(tree: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with `value` at a path such as "line_items[2].quantity" or "line_items.2.quantity"."""
    steps = [name or number for name, number in _STEP.findall(path)]
    if not steps:
        raise _no_such(path)
    copy: Any = dict(tree)
    place = copy
    for step, following in itertools.pairwise(steps):
        inner = _at(place, step, path)
        if _is_index(following) != isinstance(inner, list):
            raise _no_such(path)
        inner = list(inner) if isinstance(inner, list) else dict(inner or {})
        _put(place, step, inner, path)
        place = inner
    _put(place, steps[-1], value, path)
    found: dict[str, Any] = copy
    return found


def _is_index(step: str) -> bool:
    return step.isascii() and step.isdecimal()


def _at(place: Any, step: str, path: str) -> Any:
    if isinstance(place, list):
        if not _is_index(step) or int(step) >= len(place):
            raise _no_such(path)
        return place[int(step)]
    found = place.get(step)
    if found is not None and not isinstance(found, list | Mapping):
        raise _no_such(path)
    return found


def _put(place: Any, step: str, value: Any, path: str) -> None:
    if isinstance(place, list):
        if not _is_index(step) or int(step) >= len(place):
            raise _no_such(path)
        place[int(step)] = value
    else:
        place[step] = value


def _no_such(path: str) -> UnusableInput:
    return UnusableInput(
        Problem(
            "the correction names a place that the original does not have",
            field="correction",
            found=path[:120],
            cure="name a field that is there, or correct the whole list",
        )
    )

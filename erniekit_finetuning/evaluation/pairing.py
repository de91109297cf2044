"""Which item of an answer is which item of the truth: the pairing of largest likeness."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.process import cdist

from erniekit_finetuning.confidence.kinds import Kind
from erniekit_finetuning.evaluation.said import Item
from erniekit_finetuning.evaluation.values import Value

# Below this likeness two items are not the same: one is missing, the other invented.
_SAME_ITEM = 0.3
_TEXT_WEIGHT = 3  # a text's likeness tells as much as three equal amounts

Pairs = list[tuple[int | None, int | None]]


def pair_items(truth: Sequence[Item], found: Sequence[Item]) -> Pairs:
    """Optimal one-to-one pairing; an item without a partner stands beside None.

    Of equally alike items the nearer one is taken. Hungarian method (Kuhn 1955), by scipy.
    """
    if list(truth) == list(found):
        return [(i, i) for i in range(len(truth))]
    partner = _assigned(truth, found) if truth and found else {}
    left = sorted(set(range(len(found))) - set(partner.values()))
    return [*((i, partner.get(i)) for i in range(len(truth))), *((None, j) for j in left)]


def _assigned(truth: Sequence[Item], found: Sequence[Item]) -> dict[int, int]:
    from scipy.optimize import linear_sum_assignment

    table = _likeness(truth, found)
    nearer = np.abs(np.arange(len(truth))[:, None] - np.arange(len(found)))
    rows, columns = linear_sum_assignment(table - 1e-6 * nearer, maximize=True)
    chosen = zip(rows.tolist(), columns.tolist(), strict=True)
    return {i: j for i, j in chosen if table[i, j] >= _SAME_ITEM}


def _likeness(truth: Sequence[Item], found: Sequence[Item]) -> NDArray[np.float64]:
    """[truth, found] from 0 to 1, over the columns that either item of a pair has."""
    total = np.zeros((len(truth), len(found)))
    weight = np.zeros((len(truth), len(found)))
    for name in dict.fromkeys(name for item in (*truth, *found) for name in item):
        one = [item.get(name) for item in truth]
        other = [item.get(name) for item in found]
        has_one = np.array([value is not None for value in one])[:, None]
        has_other = np.array([value is not None for value in other])
        codes = _codes([*one, *other])
        if len(one) > 1 and len(set(codes)) == 1:  # such a column tells no item from another
            continue
        if any(value.kind is Kind.TEXT for value in (*one, *other) if value is not None):
            weight += _TEXT_WEIGHT * (has_one | has_other)
            alike = cdist(_prints(one), _prints(other), dtype=np.float64) / 100
            total += _TEXT_WEIGHT * alike * (has_one & has_other)
        else:
            weight += has_one | has_other
            keys = np.array(codes)
            equal = keys[: len(one), None] == keys[None, len(one) :]
            total += equal & has_one & has_other
    likeness: NDArray[np.float64] = total / np.maximum(weight, 1)
    return likeness


def _codes(values: Sequence[Value | None]) -> list[int]:
    """Equal numbers for values that are the same, 0 for none."""
    codes: dict[object, int] = {None: 0}
    return [
        codes.setdefault(
            value and (value.plain if value.value is None else value.value), len(codes)
        )
        for value in values
    ]


def _prints(values: Sequence[Value | None]) -> list[str]:
    return ["" if value is None else value.plain for value in values]

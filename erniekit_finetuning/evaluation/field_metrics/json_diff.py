"""What the package json-diff finds changed between two JSON values, counted in fields.

Its decisions are kept: how alike two objects are, which items of two lists are one item, and that
lists are compared sorted. No diff is built, only its size.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from itertools import count
from typing import Any, NamedTuple

from erniekit_finetuning.evaluation.field_metrics.js_tokens import (
    NESTED,
    Token,
    nested,
    sorted_tokens,
    token,
)

# json-diff's weights of objects: a key in one alone, a key in both, its value's share of that
_KEY_ALONE, _KEY_IN_BOTH, _VALUE_MOST, _VALUE_PART = 30, 20, 20, 5
# and of lists: an item in both, an item in one alone
_ITEM_IN_BOTH, _ITEM_ALONE = 10, 5


class Change(NamedTuple):
    """Two values compared: whether equal, how alike (only ever compared), how many fields differ.

    `fields` counts what the benchmark counts of the change where it stands under a key.
    """

    equal: bool
    likeness: float
    fields: int


def count_fields(value: Any) -> int:
    """Scalars below an object or list; keys that contain __ are json-diff's marks, not fields.

    >>> count_fields({"a": 1, "b": {"c": None, "d": [3, {"e": 4}]}})
    4
    """
    if isinstance(value, dict):
        return sum(_size(item) for key, item in value.items() if "__" not in key)
    return sum(map(_size, value)) if isinstance(value, list) else 0


class Differ:
    """Compares the parts of one pair of documents; two parts that meet again are known."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], Change] = {}

    def compare(self, truth: Any, found: Any) -> Change:
        """Compare two values of the pair of documents."""
        if not nested(truth) or type(truth) is not type(found):
            return _scalars(truth, found)
        # By identity: both documents outlive the comparison, so no other part takes an id.
        pair = id(truth), id(found)
        change = self._known.get(pair)
        if change is None:
            both = self._objects if isinstance(truth, dict) else self._lists
            change = self._known[pair] = both(truth, found)
        return change

    def _objects(self, truth: dict[str, Any], found: dict[str, Any]) -> Change:
        alone = [truth[key] for key in truth if key not in found]
        alone += [found[key] for key in found if key not in truth]
        equal, likeness = not alone, float(-_KEY_ALONE * len(alone))
        # The benchmark does not count a list that is wholly missing or wholly invented.
        fields = sum(_size(value) for value in alone if not isinstance(value, list))
        for key in truth:
            if key in found:
                change = self.compare(truth[key], found[key])
                likeness += _KEY_IN_BOTH
                likeness += min(_VALUE_MOST, change.likeness / _VALUE_PART)
                fields += change.fields
                equal = equal and change.equal
        if equal:
            return Change(True, 100 * max(len(truth), 0.5), 0)
        return Change(False, max(0.0, likeness), fields)

    def _lists(self, truth: list[Any], found: list[Any]) -> Change:
        old = dict(enumerate(filter(nested, truth), start=1))
        partners, others = self._partners(truth, found), count(len(old) + 1)
        new = {
            partners[index] if index in partners else next(others): item
            for index, item in enumerate(found)
            if nested(item)
        }
        one, other = sorted_tokens(truth, old), sorted_tokens(found, new)
        equal, likeness, fields = True, 0.0, 0
        for step, start, end, new_start, new_end in SequenceMatcher(None, one, other).get_opcodes():
            if step == "equal":
                likeness += _ITEM_IN_BOTH * (end - start)
                for number in _numbers(one[start:end]):
                    change = self.compare(old[number], new[number])
                    equal = equal and change.equal
                    # The benchmark does not look into a list that stands in a list.
                    fields += change.fields if isinstance(old[number], dict) else 0
            else:
                removed, added = one[start:end], other[new_start:new_end]
                likeness -= _ITEM_ALONE * (len(removed) + len(added))
                fields += _sizes(removed, old) + _sizes(added, new)
                equal = False
        return Change(True, 100, 0) if equal else Change(False, max(0.0, likeness), fields)

    def _partners(self, truth: list[Any], found: list[Any]) -> dict[int, int]:
        """Index of an object or list of the prediction -> number of the truth's that it is.

        Each takes the one most alike, the nearer of two; of several that take the same one the
        most alike keeps it, and the others have none.
        """
        old = [(place, item) for place, item in enumerate(truth) if nested(item)]
        kept: dict[int, tuple[float, int]] = {}
        for index, item in enumerate(found):
            # The prediction is given first: likeness is not the same both ways round.
            likely = [
                (self.compare(item, candidate).likeness, -abs(place - index), -number)
                for number, (place, candidate) in enumerate(old, start=1)
                if nested(item) and type(candidate) is type(item)
            ]
            if likely:
                likeness, _, number = max(likely)
                if number not in kept or likeness > kept[number][0]:
                    kept[number] = likeness, index
        return {index: -number for number, (_, index) in kept.items()}


def _scalars(truth: Any, found: Any) -> Change:
    if not nested(truth) and not nested(found) and token(truth) == token(found):
        return Change(True, 100, 0)
    return Change(False, 0, count_fields(found if truth is None else truth) or 1)


def _size(value: Any) -> int:
    return count_fields(value) if nested(value) else 1


def _sizes(tokens: list[Token], items: dict[int, Any]) -> int:
    return len(tokens) + sum(_size(items[number]) - 1 for number in _numbers(tokens))


def _numbers(tokens: list[Token]) -> list[int]:
    return [value for kind, value in tokens if kind == NESTED]

"""Donut's two metrics of extracted JSON: F1 of its fields and accuracy by tree edit distance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from erniekit_finetuning.evaluation.field_metrics.plain_json import plain
from erniekit_finetuning.evaluation.field_metrics.tree_edit import Node, distance

ROOT, ITEM = "<root>", "<subtree>"
_KEPT_IN_LISTS = (str, int, float)  # by exact type: bool is an int to Python, and is not kept


class FieldCounts(NamedTuple):
    """Fields of a document, or of many when summed: right, and missed or invented ones."""

    right: int
    wrong: int


def field_counts(truth: Any, found: Any) -> FieldCounts:
    """Leaves of the prediction that the truth has too, and leaves that only one of them has.

    Kim et al. 2022, as Donut's own evaluation computes it: micro F1 over documents is right /
    (right + wrong / 2). A leaf is its keys, without its place in a list, and its text: neither an
    order of lines nor a price that moved to another line costs anything.

    >>> field_counts({"menu": [{"nm": "tea", "cnt": 2}]}, {"menu": {"nm": "tea"}})
    FieldCounts(right=1, wrong=1)
    """
    expected = Counter(_leaves(normalised(truth), ""))
    predicted = Counter(_leaves(normalised(found), ""))
    right = (expected & predicted).total()
    return FieldCounts(right, expected.total() + predicted.total() - 2 * right)


def tree_accuracy(truth: Any, found: Any) -> float:
    """Share of the truth's tree that needs no edit (Kim et al. 2022, nTED accuracy).

    1 - distance(prediction, truth) / distance(lone root, truth), at least 0. For a truth without
    keys and text that is 0 / 0: it is 1 where the prediction has none either, else 0. Leaves are
    known as leaves; the published code knows them by the mark "<leaf>" in their text.

    >>> tree_accuracy({"total": "10.00"}, {"total": "18.00"})  # 1 - 1 / (1 key + 5 characters)
    0.8333333333333334
    """
    expected, predicted = tree(truth), tree(found)
    edits = distance(predicted, expected)
    # From a lone root everything but the root is inserted; no other edit is cheaper.
    whole = _weight(expected) - expected.cost
    if whole == 0:
        return float(edits == 0)
    return max(0.0, 1 - edits / whole)


def normalised(value: Any) -> Any:
    """A JSON value with sorted keys, text for every scalar, a list in every place, nothing empty.

    As Donut's evaluation has it: what Python calls false vanishes, 0 too; a list of not only
    objects keeps only its texts and numbers.

    >>> normalised({"total": 5, "nm": ["tea", None, True], "tax": 0, "paid": True})
    {'nm': ['tea'], 'paid': ['True'], 'total': ['5']}
    """
    return _normalised(plain(value))


def _normalised(value: Any) -> Any:
    if not value:
        return {}
    if isinstance(value, dict):
        pairs = ((key, _normalised(value[key])) for key in sorted(value, key=_short_first))
        return {key: item if isinstance(item, list) else [item] for key, item in pairs if item}
    if not isinstance(value, list):
        return [str(value).strip()]
    if all(isinstance(item, dict) for item in value):
        return [item for item in map(_normalised, value) if item]
    texts = (str(item).strip() for item in value if type(item) in _KEPT_IN_LISTS)
    return [text for text in texts if text]


def tree(value: Any) -> Node:
    """The normalised value as a tree: a node a key, a node an object in a list, a leaf a text."""
    return Node(ROOT, _children(normalised(value)))


def _children(value: Any) -> tuple[Node, ...]:
    if isinstance(value, dict):
        return tuple(Node(key, _children(item)) for key, item in value.items())
    return tuple(
        Node(ITEM, _children(item)) if isinstance(item, dict) else Node(item, leaf=True)
        for item in value
    )


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, path)
    else:
        yield path, value


def _short_first(key: str) -> tuple[int, str]:
    return len(key), key


def _weight(node: Node) -> int:
    return node.cost + sum(map(_weight, node.children))

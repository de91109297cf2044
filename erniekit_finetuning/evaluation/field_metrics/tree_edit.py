"""Zhang and Shasha's distance between two ordered trees, at the costs of Donut's evaluation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate

from rapidfuzz.distance import Levenshtein


@dataclass(frozen=True, slots=True)
class Node:
    """A node of an ordered tree; `leaf` is what it is, not whether it happens to have children."""

    label: str
    children: tuple[Node, ...] = ()
    leaf: bool = False

    @property
    def cost(self) -> int:
        """What inserting or removing it costs: a leaf the length of its text, others 1."""
        return len(self.label) if self.leaf else 1


@dataclass(slots=True)
class _Listed:
    """A tree's nodes in post-order: labels, costs, and the index of each one's leftmost leaf."""

    labels: list[str] = field(default_factory=list)
    leaf: list[bool] = field(default_factory=list)
    costs: list[int] = field(default_factory=list)
    leftmost: list[int] = field(default_factory=list)

    def add(self, node: Node) -> int:
        """List a node after all below it; returns the index of its leftmost leaf."""
        below = [self.add(child) for child in node.children]
        leftmost = below[0] if below else len(self.labels)
        self.labels.append(node.label)
        self.leaf.append(node.leaf)
        self.costs.append(node.cost)
        self.leftmost.append(leftmost)
        return leftmost

    def key_roots(self) -> list[int]:
        """Of all nodes with the same leftmost leaf the highest one, in post-order."""
        return sorted({leaf: index for index, leaf in enumerate(self.leftmost)}.values())


def distance(one: Node, other: Node) -> int:
    """Cost of the cheapest edit of one tree into the other (Zhang and Shasha 1989).

    Removing and inserting cost `Node.cost`. Changing a leaf into a leaf costs the Levenshtein
    distance of their texts, a leaf into another node or back 1 and the length of the text, any
    other node 0 or, under another label, 1.

    >>> old, new = Node("total", (Node("10.00", leaf=True),)), Node("total")
    >>> distance(old, new), distance(old, Node("sum", (Node("18.00", leaf=True),)))
    (5, 2)
    """
    if one == other:
        return 0
    first, second = _Listed(), _Listed()
    first.add(one)
    second.add(other)
    change = _changes(first, second)
    between = [[0] * len(second.labels) for _ in first.labels]
    second_roots = second.key_roots()
    for root in first.key_roots():
        for second_root in second_roots:
            _compare(first, second, root, second_root, change, between)
    return between[-1][-1]


def _changes(first: _Listed, second: _Listed) -> Callable[[int, int], int]:
    """The cost of changing node i of one tree into node j of the other."""
    # Documents repeat their amounts and quantities: every pair of texts is compared once.
    known: dict[tuple[str, str], int] = {}

    def change(i: int, j: int) -> int:
        one, other = first.labels[i], second.labels[j]
        if first.leaf[i] and second.leaf[j]:
            cost = known.get((one, other))
            if cost is None:
                cost = known[one, other] = Levenshtein.distance(one, other)
            return cost
        if first.leaf[i]:
            return 1 + len(one)
        if second.leaf[j]:
            return 1 + len(other)
        return int(one != other)

    return change


def _compare(
    first: _Listed,
    second: _Listed,
    root: int,
    second_root: int,
    change: Callable[[int, int], int],
    between: list[list[int]],
) -> None:
    """Fill in the distances of all subtrees that share their leftmost leaf with the two roots.

    Row x, column y is the distance of the forests of the first x and y nodes below the roots.
    """
    start, second_start = first.leftmost[root], second.leftmost[second_root]
    inserts = second.costs[second_start : second_root + 1]
    # For every column: where its tree starts, as a column, 0 when the forest is that tree alone.
    jumps = [leaf - second_start for leaf in second.leftmost[second_start : second_root + 1]]
    rows = [[0, *accumulate(inserts)]]
    for node in range(start, root + 1):
        remove, jump = first.costs[node], first.leftmost[node] - start
        above, before, found = rows[-1], rows[jump], between[node]
        best = above[0] + remove
        row = [best]
        for column, (insert, second_jump) in enumerate(zip(inserts, jumps, strict=True)):
            best += insert
            removed = above[column + 1] + remove
            if removed < best:
                best = removed
            if jump or second_jump:
                changed = before[second_jump] + found[second_start + column]
                best = min(best, changed)
            else:
                changed = above[column] + change(node, second_start + column)
                best = min(best, changed)
                found[second_start + column] = best
            row.append(best)
        rows.append(row)

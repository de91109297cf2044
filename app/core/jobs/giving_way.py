"""Whether jobs may read a document more: they give way to those who wait for an answer."""

from __future__ import annotations


def at_once_of(wanted: int, most_open: int) -> int:
    """How many documents of jobs may be read side by side: a quarter of the room at most."""
    return max(1, min(wanted, most_open // 4))


def may_begin(own: int, others: int, at_once: int, most_open: int) -> bool:
    """Whether a document may be added to `own` of jobs and `others` of people who wait.

    Beside others one is read at a time, and none where half of the room is taken.

    >>> [may_begin(own, 0, at_once=2, most_open=8) for own in (0, 1, 2)]
    [True, True, False]
    >>> [may_begin(0, others, at_once=2, most_open=8) for others in (1, 3, 4)]
    [True, True, False]
    >>> may_begin(1, 1, at_once=2, most_open=8)
    False
    """
    return own < (1 if others else at_once) and own + others < max(1, most_open // 2)

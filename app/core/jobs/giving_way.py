"""Whether jobs may read a document more: they give way to those who wait for an answer."""

from __future__ import annotations


def at_once_of(wanted: int, most_open: int) -> int:
    """How many documents of jobs may be read side by side: a quarter of the room at most."""
    return max(1, min(wanted, most_open // 4))


def may_begin(own: int, others: int, at_once: int, most_open: int) -> bool:
    """Whether a document may be added to `own` of jobs and `others` of people who wait.

    Beside others one is read at a time, and none where half of the room is taken.
    """
    return own < (1 if others else at_once) and own + others < max(1, most_open // 2)

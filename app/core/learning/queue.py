"""The order in which kept documents are worth a reviewer's time: what would teach most first.

A document's worth is counted in what there may be to correct, the sum of

    unsure              fields that are expected to be wrong, the sum of 1 - confidence
    failed              rules that fail
    1 / (1 + known)     known: documents of its seller that were kept before, or corrected

Of each seller the worthiest document counts whole, the second half, the third a third: ten
documents of one seller do not fill the top.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from app.core.learning.doubts import Doubts


class Candidate(NamedTuple):
    """A kept document, with what was in doubt when it was read."""

    id: str
    name: str
    doubts: Doubts
    corrected: bool


class Queued(NamedTuple):
    """A document that nobody corrected yet, with its place in the queue explained."""

    id: str
    name: str
    score: float
    reason: str


def queued(documents: Iterable[Candidate]) -> list[Queued]:
    """Those without a correction, the most instructive first; given in the order they came in."""
    every = list(documents)
    corrected = Counter(one.doubts.seller for one in every if one.corrected)
    before: Counter[str | None] = Counter()
    worth: list[tuple[float, int, Candidate]] = []
    for one in every:
        seller = one.doubts.seller
        if one.corrected:
            continue
        known = corrected[seller] + before[seller]
        before[seller] += 1
        worth.append((_worth(one.doubts, known), known, one))
    worth.sort(key=lambda row: -row[0])  # equal ones stay in the order they came in
    found, above = [], Counter[str | None]()
    for value, known, one in worth:
        seller = one.doubts.seller
        above[seller] += seller is not None
        share = max(above[seller], 1)
        reason = _reason(one.doubts, known, share)
        found.append(Queued(one.id, one.name, round(value / share, 4), reason))
    return sorted(found, key=lambda row: -row.score)


def _worth(doubts: Doubts, known: int) -> float:
    new = 0.0 if doubts.seller is None else 1 / (1 + known)
    return doubts.unsure + len(doubts.failed) + new


def _reason(doubts: Doubts, known: int, place: int) -> str:
    """Why it stands where it stands, in words."""
    parts = []
    if doubts.failed:
        parts.append(f"{_some(doubts.failed)} fail{'s' if len(doubts.failed) == 1 else ''}")
    if doubts.least_sure is not None:
        parts.append(
            f"{doubts.unsure:.1f} fields expected wrong, least sure of {doubts.least_sure}"
        )
    if doubts.seller is not None:
        of = "the first of its seller" if known == 0 else f"{known} of its seller before"
        parts.append(of if place == 1 else f"{of}, {place - 1} of them above it here")
    return "; ".join(parts) or "nothing speaks against its reading"


def _some(rules: Sequence[str], most: int = 3) -> str:
    more = f" and {len(rules) - most} more" if len(rules) > most else ""
    return ", ".join(rules[:most]) + more

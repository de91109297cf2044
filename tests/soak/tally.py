"""What was sent and what came back, counted from many threads."""

from __future__ import annotations

from collections import Counter
from threading import Lock
from typing import Any


class Tally:
    """Counts, and every promise that was seen broken."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.sent: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.events: Counter[str] = Counter()
        self.broken: Counter[str] = Counter()
        self.read: dict[str, int] = {}  # answers by the document id that they came with
        self.accepted: set[str] = set()  # corrections that were answered with 201
        self.unanswered: set[str] = set()  # corrections of which it is not known
        self.waited: list[float] = []
        self.health: list[float] = []
        self.swaps: list[float] = []

    def send(self, kind: str) -> None:
        """A request leaves."""
        with self._lock:
            self.sent[kind] += 1

    def answer(self, kind: str, status: int) -> None:
        """An answer is there, whole."""
        with self._lock:
            self.statuses[f"{kind} {status}"] += 1
            if status == 500 or status > 504:
                self.broken[f"{kind} was answered with {status}"] += 1

    def event(self, what: str) -> None:
        """A kill, a swap, an export."""
        with self._lock:
            self.events[what] += 1

    def break_(self, what: str) -> None:
        """A promise is broken."""
        with self._lock:
            self.broken[what] += 1

    def reading(self, document_id: str, seconds: float) -> None:
        """An honest document was read."""
        with self._lock:
            self.read[document_id] = self.read.get(document_id, 0) + 1
            self.waited.append(seconds)

    def corrected(self, mark: str, accepted: bool) -> None:
        """A correction was accepted, or its answer did not come."""
        with self._lock:
            (self.accepted if accepted else self.unanswered).add(mark)

    def alive(self, seconds: float) -> None:
        """/healthz answered after so long."""
        with self._lock:
            self.health.append(seconds)

    def swapped(self, seconds: float) -> None:
        """A promoted model reads, so long after it was promoted."""
        with self._lock:
            self.events["swap done"] += 1
            self.swaps.append(seconds)

    def report(self) -> dict[str, Any]:
        """The counts, for JSON."""
        return {
            "sent": dict(sorted(self.sent.items())),
            "answers": dict(sorted(self.statuses.items())),
            "events": dict(sorted(self.events.items())),
            "reading_seconds": spread(self.waited),
            "health_seconds": spread(self.health),
            "swap_seconds": spread(self.swaps),
        }


def spread(values: list[float]) -> dict[str, float]:
    """Half and 95 of 100 were at most so much, and all of them."""
    if not values:
        return {}
    rising = sorted(values)
    at = {"p50": len(rising) // 2, "p95": int(len(rising) * 0.95), "max": -1}
    return {name: round(rising[index], 3) for name, index in at.items()}

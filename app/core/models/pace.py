"""How fast answers come, to tell when there will be room."""

from __future__ import annotations

import math
import time


class Pace:
    """Seconds from one answer to the next while there is work."""

    def __init__(self) -> None:
        self._seconds, self._last = 1.0, 0.0

    def answered(self, still_open: int) -> None:
        """Note an answer, and how many are waited for still."""
        now = time.monotonic()
        if self._last:
            self._seconds += 0.1 * (now - self._last - self._seconds)
        self._last = now if still_open else 0.0

    def seconds_for(self, answers: int) -> int:
        """Whole seconds until half of so many should be answered."""
        return max(1, math.ceil(self._seconds * answers / 2))

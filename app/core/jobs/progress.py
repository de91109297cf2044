"""How far a job is, from its counts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class JobState(StrEnum):
    """Waiting: nothing of it is read by the service that runs now."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Progress:
    """A job's documents by where they are; `lately` of them were read in `seconds`."""

    id: str
    model: str | None
    received: datetime
    waiting: int
    done: int
    failed: int
    cancelled: int
    seconds: float | None
    lately: int

    @property
    def documents(self) -> int:
        """How many there are."""
        return self.waiting + self.done + self.failed + self.cancelled

    @property
    def state(self) -> JobState:
        """Where the job is."""
        if self.waiting:
            return JobState.WAITING if self.seconds is None else JobState.RUNNING
        return JobState.CANCELLED if self.cancelled else JobState.DONE

    @property
    def seconds_left(self) -> int | None:
        """Whole seconds until it is done at its pace since it began; None while that is unknown."""
        if not self.waiting:
            return 0
        if self.seconds is None or not self.lately:
            return None
        return math.ceil(self.seconds / self.lately * self.waiting)

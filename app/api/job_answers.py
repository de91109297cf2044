"""What clients are told of jobs, as OpenAPI shows it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from app.api.answers import Fault
from app.api.readings import OwnReading, Reading
from app.core.jobs.progress import JobState, Progress
from app.core.jobs.store import Result
from app.core.learning.tables import DocumentState

_JOB: dict[str, Any] = {
    "id": "0c0f7ce9a5d94f3fb2f6c1d2f0a1b3c4",
    "state": "running",
    "model": None,
    "created": "2026-01-31T09:30:00Z",
    "documents": 120,
    "done": 47,
    "failed": 1,
    "cancelled": 0,
    "seconds_left": 58,
}
CANCELLED = [{"what": "the job was cancelled before this document was read"}]


class JobAnswer(BaseModel):
    """A job: `documents` of it are `done`, `failed` or `cancelled`, and the others wait.

    `seconds_left` is told from its own pace; null while that is not known.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_JOB]})

    id: str
    state: JobState
    model: str | None
    created: datetime
    documents: int
    done: int
    failed: int
    cancelled: int
    seconds_left: int | None

    @classmethod
    def of(cls, progress: Progress) -> JobAnswer:
        """A job as it is told."""
        return cls(
            id=progress.id,
            state=progress.state,
            model=progress.model,
            created=progress.received.replace(tzinfo=UTC),
            documents=progress.documents,
            done=progress.done,
            failed=progress.failed,
            cancelled=progress.cancelled,
            seconds_left=progress.seconds_left,
        )


class DoneResult(BaseModel):
    """A document that was read: `reading` is what /v1/invoices:extract answers."""

    position: int
    name: str
    state: Literal["done"]
    reading: Reading | OwnReading


class FailedResult(BaseModel):
    """A document that cannot be read: status and words of /v1/invoices:extract."""

    position: int
    name: str
    state: Literal["failed"]
    status: int
    detail: list[Fault]


class CancelledResult(BaseModel):
    """A document that was not read before the job was cancelled."""

    position: int
    name: str
    state: Literal["cancelled"]
    detail: list[Fault]


_FAILED: dict[str, Any] = {
    "position": 1,
    "name": "scan.pdf",
    "state": "failed",
    "status": 422,
    "detail": [{"what": "the file is damaged or of an unknown kind", "cure": "export it again"}],
}


class Results(BaseModel):
    """Results in order up to the first document that waits; `complete`: none follows.

    The next ones come with `after` set to `next_after`.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"results": [_FAILED], "next_after": 1, "complete": False}]}
    )

    results: list[DoneResult | FailedResult | CancelledResult]
    next_after: int
    complete: bool


def results_text(results: list[Result], after: int, documents: int) -> str:
    """`Results` as JSON; numbers of readings stay as they were said."""
    last = results[-1].position if results else after
    rows = ",".join(map(_row, results))
    complete = json.dumps(last >= documents)
    return f'{{"results":[{rows}],"next_after":{last},"complete":{complete}}}'


def _row(one: Result) -> str:
    row: dict[str, Any] = {"position": one.position, "name": one.name, "state": one.state}
    if one.state is DocumentState.DONE:
        return f'{json.dumps(row)[:-1]},"reading":{one.told}}}'
    more = {"detail": CANCELLED} if one.told is None else json.loads(one.told)
    return json.dumps({**row, **more})

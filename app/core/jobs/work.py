"""Documents of jobs as they are taken to be read, and their results, each once."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Container
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core.jobs.files import JobFiles
from app.core.learning.keeping import keep_reading, told_reading
from app.core.learning.store import Store
from app.core.learning.tables import DocumentState, Job, JobDocument, now
from app.core.models.ernie_vlm_service import Reading
from app.core.refusals import Refusal

_WAITS = JobDocument.state == DocumentState.WAITING


class Overtaken(Exception):
    """The document has its result already: it was cancelled, or read by another service."""


@dataclass(frozen=True)
class Waiting:
    """A document that has no result yet; `begun`: its job runs."""

    job: int
    position: int
    job_id: str
    name: str
    kept_id: str
    model: str | None
    file: Path
    begun: bool

    @property
    def key(self) -> tuple[int, int]:
        """What it is known by."""
        return self.job, self.position


class Work:
    """What there is to read. Safe to use from several threads and processes."""

    def __init__(self, store: Store, files: JobFiles) -> None:
        self._store, self._files = store, files

    def begin(self) -> None:
        """Clear up after a service that ended: nothing is being read, and no file is left over."""
        with self._store.session.begin() as session:
            session.execute(update(Job).values(since=None))
            jobs = dict(session.execute(select(Job.number, Job.id)).tuples().all())
            waiting = session.execute(select(JobDocument.job, JobDocument.position).where(_WAITS))
            rows = [(jobs[job], position) for job, position in waiting.tuples()]
        self._files.sweep(rows, jobs.values())

    def next(
        self, after: int, taken: Collection[tuple[int, int]], paused: Container[str | None]
    ) -> Waiting | None:
        """The next document that waits, of the jobs in turn: first of those after job `after`.

        Not one of `taken`, and not one for a model that is `paused`.
        """
        open_ = (
            select(Job.number, Job.model)
            .where(Job.number.in_(select(JobDocument.job).where(_WAITS)))
            .order_by(Job.number <= after, Job.number)
        )
        with self._store.session() as session:
            for number, model in session.execute(open_).tuples().all():
                if model not in paused:
                    found = self._first(session, number, taken)
                    if found is not None:
                        return found
        return None

    def started(self, one: Waiting) -> None:
        """Note that the job of a document runs."""
        if one.begun:
            return
        job = update(Job).where(Job.number == one.job, Job.since.is_(None))
        with self._store.session.begin() as session:
            session.execute(job.values(since=now()))

    def keep(self, one: Waiting, reading: Reading) -> None:
        """Keep a document with what was read from it; raises Overtaken, and keeps nothing."""
        told = told_reading(reading.extraction, one.kept_id)
        settled = _settling(one, DocumentState.DONE, told)
        try:  # one transaction: a kept document has its result, whatever is killed
            keep_reading(self._store, one.name, one.file, reading, id_=one.kept_id, before=settled)
        except FileNotFoundError as error:
            raise Overtaken from error
        self._files.remove(one.job_id, one.position)

    def refuse(self, one: Waiting, refusal: Refusal) -> None:
        """Note why a document cannot be read; raises Overtaken."""
        with self._store.session.begin() as session:
            _settling(one, DocumentState.FAILED, json.dumps(refusal._asdict()))(session)
        self._files.remove(one.job_id, one.position)

    def _first(
        self, session: Session, job: int, taken: Collection[tuple[int, int]]
    ) -> Waiting | None:
        one = session.execute(
            select(JobDocument, Job)
            .join(Job, Job.number == JobDocument.job)
            .where(
                JobDocument.job == job,
                _WAITS,
                JobDocument.position.not_in(
                    [position for number, position in taken if number == job]
                ),
            )
            .order_by(JobDocument.position)
            .limit(1)
        ).first()
        if one is None:
            return None
        document, its = one
        return Waiting(
            job=job,
            position=document.position,
            job_id=its.id,
            name=document.name,
            kept_id=document.kept_id,
            model=its.model,
            file=self._files.of(its.id, document.position),
            begun=its.since is not None,
        )


def _settling(one: Waiting, state: DocumentState, told: str) -> Callable[[Session], None]:
    """What gives a document its result where it has none; raises Overtaken where it has."""
    waits = update(JobDocument).where(
        JobDocument.job == one.job, JobDocument.position == one.position, _WAITS
    )

    def settle(session: Session) -> None:
        done = session.connection().execute(waits.values(state=state, told=told, finished=now()))
        if not done.rowcount:
            raise Overtaken

    return settle

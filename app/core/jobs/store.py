"""Jobs as clients make, watch and cancel them, in the database of the kept documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import case, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core.jobs.files import JobFiles
from app.core.jobs.progress import Progress
from app.core.learning.store import Store
from app.core.learning.tables import DocumentState, Job, JobDocument, now
from app.core.processes import Busy
from erniekit_finetuning.errors import Problem, UnusableInput

_WAIT = 30  # seconds until there may be room for a job, where no pace is known
_MOST_WAIT = 3600
_AT_ONCE = 100  # jobs that are removed in one transaction


class NoSuchJob(UnusableInput):
    """No job has this id."""


@dataclass(frozen=True)
class Sent:
    """What a client sent: names of its documents in order, and a digest of all of it."""

    names: tuple[str, ...]
    model: str | None
    digest: str


@dataclass(frozen=True)
class Result:
    """What became of a document; `told` is JSON as in the table."""

    position: int
    name: str
    state: DocumentState
    told: str | None


class JobStore:
    """The jobs; `files` has what is not read yet. Safe to use from several threads."""

    def __init__(self, store: Store, files: JobFiles, most_open: int) -> None:
        self._session = store.session
        self._most_open = most_open
        self.files = files

    def is_known(self, key: str) -> bool:
        """Whether a job was made by a request under this key."""
        with self._session() as session:
            return session.scalar(select(Job.id).where(Job.key == key)) is not None

    def check_room(self, beside: int) -> None:
        """Raise Busy where a job more, and `beside` that are on their way, are too many."""
        with self._session() as session:
            self._check_room(session, beside + 1)

    def make(self, id_: str, sent: Sent, key: str | None) -> str:
        """Make the job whose files are there; returns its id.

        A request that came before under the same `key` gives that one's id, and this one's files
        are removed. Raises Busy where too many are unfinished, UnusableInput where the key came
        with other documents; the files are removed then, too.
        """
        try:
            self.files.settled()
            made = self._earlier(key, sent) or self._inserted(id_, sent, key)
        except Exception:
            self.files.remove_job(id_)
            raise
        if made != id_:
            self.files.remove_job(id_)
        return made

    def progress(self, id_: str) -> Progress:
        """How far a job is; raises NoSuchJob."""
        with self._session() as session:
            return self._progress(session, [_job(session, id_)])[0]

    def latest(self, limit: int) -> list[Progress]:
        """The jobs that were made last, the last one first."""
        with self._session() as session:
            jobs = session.scalars(select(Job).order_by(Job.number.desc()).limit(limit)).all()
            return self._progress(session, jobs)

    def results(self, id_: str, after: int, limit: int) -> list[Result]:
        """What became of the documents after position `after`, in order.

        It ends before the first one that waits, so that asking on from the last one misses none.
        Raises NoSuchJob.
        """
        columns = JobDocument.position, JobDocument.name, JobDocument.state, JobDocument.told
        with self._session() as session:
            mine = JobDocument.job == _job(session, id_).number
            waits = JobDocument.state == DocumentState.WAITING
            first = session.scalar(select(func.min(JobDocument.position)).where(mine, waits))
            asked = select(*columns).where(mine, JobDocument.position > after)
            if first is not None:
                asked = asked.where(JobDocument.position < first)
            rows = session.execute(asked.order_by(JobDocument.position).limit(limit)).all()
        return [Result(number, name, DocumentState(at), told) for number, name, at, told in rows]

    def cancel(self, id_: str) -> None:
        """Give up the documents that have no result yet; raises NoSuchJob."""
        with self._session.begin() as session:
            session.execute(
                update(JobDocument)
                .where(
                    JobDocument.job == _job(session, id_).number,
                    JobDocument.state == DocumentState.WAITING,
                )
                .values(state=DocumentState.CANCELLED, finished=now())
            )
        self.files.remove_job(id_)

    def forget(self, before: datetime) -> int:
        """Remove the jobs that had their last result before a time; returns how many.

        What was kept of their documents for learning stays. A request under the key of a removed
        job makes a new one.
        """
        wanted = or_(JobDocument.state == DocumentState.WAITING, JobDocument.finished >= before)
        old = select(Job.number).where(
            Job.received < before, Job.number.not_in(select(JobDocument.job).where(wanted))
        )
        with self._session.begin() as session:
            numbers = session.scalars(old.limit(_AT_ONCE)).all()
            session.execute(delete(JobDocument).where(JobDocument.job.in_(numbers)))
            session.execute(delete(Job).where(Job.number.in_(numbers)))
        return len(numbers)

    def _inserted(self, id_: str, sent: Sent, key: str | None) -> str:
        try:
            with self._session.begin() as session:
                job = Job(id=id_, key=key, digest=sent.digest, model=sent.model)
                session.add(job)
                session.flush()
                session.add_all(
                    JobDocument(job=job.number, position=position, name=name, kept_id=uuid4().hex)
                    for position, name in enumerate(sent.names, start=1)
                )
                session.flush()
                self._check_room(
                    session, 0
                )  # counted with this one: of two at once, one may be out
        except IntegrityError:
            earlier = self._earlier(key, sent)
            if earlier is None:
                raise
            return earlier  # of the same request at the same time
        return id_

    def _earlier(self, key: str | None, sent: Sent) -> str | None:
        if key is None:
            return None
        with self._session() as session:
            job = session.scalar(select(Job).where(Job.key == key))
        if job is None or job.digest == sent.digest:
            return None if job is None else job.id
        what = "another request came under this key"
        cure = "send the same documents again, or choose a new key"
        raise UnusableInput(Problem(what, field="Idempotency-Key", found=key, cure=cure))

    def _check_room(self, session: Session, more: int) -> None:
        unfinished = session.scalars(
            select(Job).where(
                Job.number.in_(
                    select(JobDocument.job).where(JobDocument.state == DocumentState.WAITING)
                )
            )
        ).all()
        if len(unfinished) + more > self._most_open:
            left = [one.seconds_left for one in self._progress(session, unfinished)]
            soonest = min((one for one in left if one), default=_WAIT)
            raise Busy(min(soonest, _MOST_WAIT), "too many jobs are unfinished")

    def _progress(self, session: Session, jobs: Sequence[Job]) -> list[Progress]:
        """How far some jobs are."""
        lately = case((JobDocument.finished >= Job.since, 1))
        rows = session.execute(
            select(JobDocument.job, JobDocument.state, func.count(), func.count(lately))
            .join(Job, Job.number == JobDocument.job)
            .where(JobDocument.job.in_([one.number for one in jobs]))
            .group_by(JobDocument.job, JobDocument.state)
        ).all()
        counts = {(job, state): count for job, state, count, _ in rows}
        read = {(job, state): count for job, state, _, count in rows}
        return [
            Progress(
                id=one.id,
                model=one.model,
                received=one.received,
                **{state: counts.get((one.number, state), 0) for state in DocumentState},
                seconds=None if one.since is None else (now() - one.since).total_seconds(),
                lately=sum(
                    read.get((one.number, state), 0)
                    for state in (DocumentState.DONE, DocumentState.FAILED)
                ),
            )
            for one in jobs
        ]


def _job(session: Session, id_: str) -> Job:
    job = session.scalar(select(Job).where(Job.id == id_))
    if job is None:
        cure = "give the id that came when the job was made"
        raise NoSuchJob(Problem("no such job", field="job_id", found=id_, cure=cure))
    return job

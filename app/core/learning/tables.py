"""What is kept: documents with what was read, corrections, exports, and batch jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


def now() -> datetime:
    """The time, without a zone as databases keep it: UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


class Base(DeclarativeBase):
    """The tables of the service."""


class KeptDocument(Base):
    """A document that was read.

    `name` is what its sender called it, `file` its name in the folder of documents; `reading` is
    the answer as JSON, in our shape or that of `schema`. `confidence` is how sure a model was of
    each value, by path; empty where it told none. `seller`, `failed`, `unsure` and
    `least_sure` are what `doubts` says of the reading. Until `lent_until` a reviewer has it.
    """

    __tablename__ = "documents"

    id: Mapped[str] = mapped_column(primary_key=True)
    received: Mapped[datetime] = mapped_column(default=now)
    name: Mapped[str]
    file: Mapped[str]
    model: Mapped[str]
    reading: Mapped[str]
    schema: Mapped[str | None]
    confidence: Mapped[dict[str, float]] = mapped_column(JSON)
    seller: Mapped[str | None] = mapped_column(index=True)
    failed: Mapped[list[str]] = mapped_column(JSON)
    unsure: Mapped[float]
    least_sure: Mapped[str | None]
    lent_until: Mapped[datetime | None]


class Correction(Base):
    """What a reviewer says a document holds, whole or in part, in the shape of its reading.

    `file` is the export that it belongs to.
    """

    __tablename__ = "corrections"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id"), index=True)
    received: Mapped[datetime] = mapped_column(default=now)
    corrected: Mapped[str]
    reviewer: Mapped[str | None]
    file: Mapped[str | None] = mapped_column(index=True)
    exported: Mapped[bool] = mapped_column(default=False, index=True)


class Export(Base):
    """A file that corrections were appended to, and its bytes after the last time."""

    __tablename__ = "exports"

    path: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int]


class Job(Base):
    """Documents that were sent to be read when there is room, with one model.

    `key` is what the client calls the request, `digest` what it sent with it. `since` is when the
    service that runs now began to read; None where it has not.
    """

    __tablename__ = "jobs"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(unique=True)
    received: Mapped[datetime] = mapped_column(default=now)
    key: Mapped[str | None] = mapped_column(unique=True)
    digest: Mapped[str]
    model: Mapped[str | None]
    since: Mapped[datetime | None]


class DocumentState(StrEnum):
    """Where a document of a job is; all but the first are for good."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobDocument(Base):
    """A document of a job; it is kept under `kept_id`, which is told before it is read.

    `told` is JSON: the answer where it is done, a status and what went wrong where it failed.
    """

    __tablename__ = "job_documents"

    job: Mapped[int] = mapped_column(ForeignKey("jobs.number"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    kept_id: Mapped[str]
    state: Mapped[str] = mapped_column(default=DocumentState.WAITING, index=True)
    finished: Mapped[datetime | None]
    told: Mapped[str | None]

"""Documents and corrections in a database: SQLite, or any that SQLAlchemy speaks to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import create_engine, event, func, literal, select, tuple_
from sqlalchemy.exc import ArgumentError, CompileError, DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from app.core.learning.checking import check_correction
from app.core.learning.tables import Base, Confidence, Correction, KeptDocument
from erniekit_finetuning.data.exact_json import exact_json
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.files import write_bytes
from erniekit_finetuning.invoice.strict_json import exact_number, parse

_SUFFIXES = {
    b"%PDF": ".pdf", b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"II*\0": ".tif",
    b"MM\0*": ".tif", b"BM": ".bmp", b"RIFF": ".webp",
}  # fmt: skip


class Kept(NamedTuple):
    """A document with what was read from it; `confidence` by path, empty where none was told."""

    id: str
    name: str
    file: Path
    model: str
    reading: dict[str, Any]
    schema: str | None
    confidence: dict[str, float]


class Waiting(NamedTuple):
    """How many documents have no correction, and which of them is next."""

    documents: int
    next: str | None


class Store:
    """What the service remembers. Safe to use from several threads and processes."""

    def __init__(self, url: str, folder: Path) -> None:
        """Open or make the database; documents are kept below `folder`.

        Raises UnusableInput for a database that cannot be opened.
        """
        self.documents = folder / "documents"
        self.documents.mkdir(parents=True, exist_ok=True)
        try:
            engine = create_engine(url)
            if engine.dialect.name == "sqlite":
                event.listen(engine, "connect", _durable)
            Base.metadata.create_all(engine)
        except (ArgumentError, CompileError, DBAPIError, ModuleNotFoundError) as error:
            what = "the database cannot be opened"
            cure = "sqlite:///FILE, or another URL of SQLAlchemy with its driver installed"
            raise UnusableInput(
                Problem(what, found=str(error).split("\n")[0], cure=cure)
            ) from error
        self.session: sessionmaker[Session] = sessionmaker(engine)

    def keep(
        self,
        name: str,
        data: bytes,
        model: str,
        reading: Mapping[str, Any],
        schema: str | None = None,
        confidence: Mapping[str, float] | None = None,
    ) -> str:
        """Keep a document with what a model read from it, in our shape or a schema's, and how sure
        it was; returns its id."""
        id_ = uuid4().hex
        suffix = next((end for start, end in _SUFFIXES.items() if data.startswith(start)), ".pdf")
        file = f"{id_}{suffix}"
        write_bytes(self.documents / file, data)
        one = KeptDocument(
            id=id_, name=name, file=file, model=model, reading=exact_json(reading), schema=schema
        )
        with self.session.begin() as session:
            session.add(one)
            if confidence:
                session.flush()
                session.add(Confidence(document_id=id_, by_path=exact_json(dict(confidence))))
        return id_

    def kept(self, document_id: str) -> Kept:
        """A document by its id; raises UnusableInput for one that is not kept."""
        with self.session() as session:
            document = _document(session, document_id)
            sure = session.get(Confidence, document_id)
            return Kept(
                id=document.id,
                name=document.name,
                file=self.documents / document.file,
                model=document.model,
                reading=parse(document.reading, exact_number),
                schema=document.schema,
                confidence={} if sure is None else parse(sure.by_path, float),
            )

    def waiting(self, after: str | None = None) -> Waiting:
        """The documents without a correction, oldest first; the next one follows `after`, and the
        first one follows the last."""
        wait = select(KeptDocument.id).where(
            ~select(Correction.number).where(Correction.document_id == KeptDocument.id).exists()
        )
        in_order = wait.order_by(KeptDocument.received, KeptDocument.id)
        with self.session() as session:
            count = session.scalar(select(func.count()).select_from(wait.subquery())) or 0
            now = None if after is None else session.get(KeptDocument, after)
            following = None
            if now is not None:
                here = tuple_(KeptDocument.received, KeptDocument.id)
                later = in_order.where(here > tuple_(literal(now.received), literal(now.id)))
                following = session.scalar(later.limit(1))
            return Waiting(count, following or session.scalar(in_order.limit(1)))

    def correct(
        self, document_id: str, corrected: Mapping[str, Any], reviewer: str | None = None
    ) -> int:
        """Keep a correction; returns its number.

        Raises UnusableInput for an unknown document, and for a correction that no training could
        read.
        """
        told = exact_json(corrected)
        with self.session.begin() as session:
            check_correction(_document(session, document_id), corrected)
            one = Correction(document_id=document_id, corrected=told, reviewer=reviewer)
            session.add(one)
            session.flush()
            return one.number


def _document(session: Session, id_: str) -> KeptDocument:
    document = session.get(KeptDocument, id_)
    if document is None:
        field, cure = "document_id", "give the id that came with the reading"
        raise UnusableInput(Problem("no such document", field=field, found=id_, cure=cure))
    return document


def _durable(connection: Any, _: Any) -> None:
    """Readers and a writer at once, and what was committed stays after a power cut."""
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")

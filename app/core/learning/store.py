"""Documents and corrections in a database: SQLite, or any that SQLAlchemy speaks to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import exists, func, or_, select, true, update
from sqlalchemy.orm import Session, sessionmaker

from app.core.learning.checking import check_correction
from app.core.learning.doubts import Doubts
from app.core.learning.opening import opened
from app.core.learning.queue import Candidate, Queued, queued
from app.core.learning.tables import Correction, KeptDocument, now
from erniekit_finetuning.data.exact_json import exact_json
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.files import write_bytes
from erniekit_finetuning.invoice.strict_json import exact_number, parse

_SUFFIXES = {
    b"%PDF": ".pdf", b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"II*\0": ".tif",
    b"MM\0*": ".tif", b"BM": ".bmp", b"RIFF": ".webp",
}  # fmt: skip
NONE = Doubts()
EMPTY: Mapping[str, float] = MappingProxyType({})
_TRIED = 100  # documents that others may take while one is being lent


class Kept(NamedTuple):
    """A document with what was read from it; `confidence` by path, empty where none was told."""

    id: str
    name: str
    file: Path
    model: str
    reading: dict[str, Any]
    schema: str | None
    confidence: dict[str, float]


class Store:
    """What the service remembers. Safe to use from several threads and processes."""

    def __init__(self, url: str, folder: Path) -> None:
        """Open or make the database; documents are kept below `folder`.

        Raises UnusableInput for a database that cannot be used.
        """
        self.documents = folder / "documents"
        self.documents.mkdir(parents=True, exist_ok=True)
        self.session: sessionmaker[Session] = sessionmaker(opened(url))

    def keep(
        self,
        name: str,
        data: bytes,
        model: str,
        reading: Mapping[str, Any],
        schema: str | None = None,
        *,
        confidence: Mapping[str, float] = EMPTY,
        doubts: Doubts = NONE,
        id_: str | None = None,
        before: Callable[[Session], None] | None = None,
    ) -> str:
        """Keep a document with what a model read from it, in our shape or a schema's, and how sure
        it was; returns its id, which is `id_` where one is given.

        `before` is done in the same transaction; where it raises, nothing is kept.
        """
        id_ = id_ or uuid4().hex
        suffix = next((end for start, end in _SUFFIXES.items() if data.startswith(start)), ".pdf")
        file = f"{id_}{suffix}"
        one = KeptDocument(
            id=id_,
            name=name,
            file=file,
            model=model,
            reading=exact_json(reading),
            schema=schema,
            confidence=dict(confidence),
            seller=doubts.seller,
            failed=list(doubts.failed),
            unsure=doubts.unsure,
            least_sure=doubts.least_sure,
        )
        with self.session.begin() as session:
            if before is not None:
                before(session)
            write_bytes(self.documents / file, data)
            session.add(one)
        return id_

    def kept(self, document_id: str) -> Kept:
        """A document by its id; raises UnusableInput for one that is not kept."""
        with self.session() as session:
            document = _document(session, document_id)
            return Kept(
                id=document.id,
                name=document.name,
                file=self.documents / document.file,
                model=document.model,
                reading=parse(document.reading, exact_number),
                schema=document.schema,
                confidence=document.confidence,
            )

    @property
    def waiting(self) -> int:
        """How many documents have no correction."""
        corrected = exists().where(Correction.document_id == KeptDocument.id)
        with self.session() as session:
            return session.scalar(select(func.count(KeptDocument.id)).where(~corrected)) or 0

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

    def queue(self, limit: int) -> list[Queued]:
        """The first documents of the queue (see `queue`): not corrected, and lent to nobody."""
        return [one for one, lent in self._queued() if not lent][:limit]

    def lend(self, minutes: float) -> Queued | None:
        """The next document of the queue, for one reviewer: others get it after `minutes`.

        Where all of them are lent, the one that was lent first goes round again.
        """
        line = self._queued()
        free = [one for one, lent in line if not lent][:_TRIED]
        for one in free:
            still = or_(KeptDocument.lent_until.is_(None), KeptDocument.lent_until <= now())
            if self._lent(one, minutes, still):
                return one
        if free:  # others took them meanwhile
            return self.lend(minutes)
        lent = sorted((lent, index) for index, (_, lent) in enumerate(line) if lent)
        if not lent:
            return None
        first = line[lent[0][1]][0]
        self._lent(first, minutes, true())
        return first

    def _queued(self) -> list[tuple[Queued, datetime | None]]:
        """The queue, and until when each document is lent."""
        fields = (
            KeptDocument.id,
            KeptDocument.name,
            KeptDocument.unsure,
            KeptDocument.least_sure,
            KeptDocument.failed,
            KeptDocument.seller,
            exists().where(Correction.document_id == KeptDocument.id),
        )
        with self.session() as session:
            lent = dict(
                session.execute(
                    select(KeptDocument.id, KeptDocument.lent_until).where(
                        KeptDocument.lent_until > now()
                    )
                ).all()
            )
            rows = session.execute(select(*fields).order_by(KeptDocument.received)).all()
        candidates = (
            Candidate(id_, name, Doubts(unsure, least_sure, tuple(failed), seller), corrected)
            for id_, name, unsure, least_sure, failed, seller, corrected in rows
        )
        return [(one, lent.get(one.id)) for one in queued(candidates)]

    def _lent(self, one: Queued, minutes: float, where: Any) -> bool:
        """Lend a document where that holds; whether it does."""
        taken = update(KeptDocument).where(KeptDocument.id == one.id, where)
        until = now() + timedelta(minutes=minutes)
        with self.session.begin() as session:
            done = session.connection().execute(taken.values(lent_until=until))
            return bool(done.rowcount)


def _document(session: Session, id_: str) -> KeptDocument:
    document = session.get(KeptDocument, id_)
    if document is None:
        field, cure = "document_id", "give the id that came with the reading"
        raise UnusableInput(Problem("no such document", field=field, found=id_, cure=cure))
    return document

"""Documents and corrections in a database: SQLite, or any that SQLAlchemy speaks to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import exists, or_, select, update
from sqlalchemy.orm import Session, sessionmaker

from app.core.learning.checking import check_correction
from app.core.learning.doubts import Doubts
from app.core.learning.opening import opened
from app.core.learning.queue import Candidate, Queued, queued
from app.core.learning.tables import Correction, KeptDocument, now
from erniekit_finetuning.data.exact_json import exact_json
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.files import write_bytes

_SUFFIXES = {
    b"%PDF": ".pdf", b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"II*\0": ".tif",
    b"MM\0*": ".tif", b"BM": ".bmp", b"RIFF": ".webp",
}  # fmt: skip
NONE = Doubts()
_TRIED = 100  # documents that others may take while one is being lent


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
        doubts: Doubts = NONE,
    ) -> str:
        """Keep a document with what a model read from it, in our shape or a schema's; returns its
        id."""
        id_ = uuid4().hex
        suffix = next((end for start, end in _SUFFIXES.items() if data.startswith(start)), ".pdf")
        file = f"{id_}{suffix}"
        write_bytes(self.documents / file, data)
        one = KeptDocument(
            id=id_,
            name=name,
            file=file,
            model=model,
            reading=exact_json(reading),
            schema=schema,
            seller=doubts.seller,
            failed=list(doubts.failed),
            unsure=doubts.unsure,
            least_sure=doubts.least_sure,
        )
        with self.session.begin() as session:
            session.add(one)
        return id_

    def correct(
        self, document_id: str, corrected: Mapping[str, Any], reviewer: str | None = None
    ) -> int:
        """Keep a correction; returns its number.

        Raises UnusableInput for an unknown document, and for a correction that no training could
        read.
        """
        told = exact_json(corrected)
        with self.session.begin() as session:
            document = session.get(KeptDocument, document_id)
            if document is None:
                field, cure = "document_id", "give the id that came with the reading"
                raise UnusableInput(
                    Problem("no such document", field=field, found=document_id, cure=cure)
                )
            check_correction(document, corrected)
            one = Correction(document_id=document_id, corrected=told, reviewer=reviewer)
            session.add(one)
            session.flush()
            return one.number

    def queue(self, limit: int) -> list[Queued]:
        """The first documents of the queue (see `queue`): not corrected, and lent to nobody."""
        with self.session() as session:
            lent = set(
                session.scalars(select(KeptDocument.id).where(KeptDocument.lent_until > now()))
            )
            fields = (
                KeptDocument.id,
                KeptDocument.name,
                KeptDocument.unsure,
                KeptDocument.least_sure,
                KeptDocument.failed,
                KeptDocument.seller,
                exists().where(Correction.document_id == KeptDocument.id),
            )
            rows = session.execute(select(*fields).order_by(KeptDocument.received)).all()
        candidates = (
            Candidate(id_, name, Doubts(unsure, least_sure, tuple(failed), seller), corrected)
            for id_, name, unsure, least_sure, failed, seller, corrected in rows
        )
        return [one for one in queued(candidates) if one.id not in lent][:limit]

    def lend(self, minutes: float) -> Queued | None:
        """The next document of the queue, for one reviewer: nobody else gets it for `minutes`."""
        for one in self.queue(_TRIED):
            free = or_(KeptDocument.lent_until.is_(None), KeptDocument.lent_until <= now())
            taken = update(KeptDocument).where(KeptDocument.id == one.id, free)
            with self.session.begin() as session:
                until = now() + timedelta(minutes=minutes)
                if session.connection().execute(taken.values(lent_until=until)).rowcount:
                    return one
        return None

"""Corrections appended to a JSONL file, each once, whatever dies in between.

The database says how long the file was when an export ended. What a killed export left behind that
is the start of what is to be written now; it is kept, and the rest follows.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

from sqlalchemy import select

from app.core.learning.store import Store
from app.core.learning.tables import Correction, Export, KeptDocument
from erniekit_finetuning.errors import Problem, UnusableInput


def export(store: Store, path: Path) -> int:
    """Append what was not exported yet, as records of active learning; returns how many.

    Images are named as they lie in the store's folder of documents. Raises UnusableInput when
    somebody else changed the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    name = str(path.resolve())
    with path.open("ab+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # until the file is closed
        with store.session.begin() as session:  # known before a line is written
            if session.get(Export, name) is None:
                session.add(Export(path=name, size=os.fstat(file.fileno()).st_size))
        with store.session.begin() as session:
            waiting = session.execute(
                select(Correction, KeptDocument)
                .join(KeptDocument)
                .where(Correction.exported.is_(False))
                .order_by(Correction.number)
            ).all()
            lines = b"".join(_line(correction, document) for correction, document in waiting)
            told = session.get_one(Export, name)
            file.seek(told.size)
            left = file.read()
            if os.fstat(file.fileno()).st_size < told.size or not lines.startswith(left):
                raise UnusableInput(_changed(path))
            file.write(lines[len(left) :])
            file.flush()
            os.fsync(file.fileno())
            told.size += len(lines)
            for correction, _ in waiting:
                correction.exported = True
    return len(waiting)


def _line(correction: Correction, document: KeptDocument) -> bytes:
    record = {
        "document_id": document.id,
        "image_path": document.file,
        "original_data": json.loads(document.reading),
        "corrected_data": json.loads(correction.corrected),
        "model": document.model,
        "timestamp": f"{correction.received.isoformat(timespec='seconds')}Z",
        "user_id": correction.reviewer,
    }
    return json.dumps(record, ensure_ascii=False).encode() + b"\n"


def _changed(path: Path) -> Problem:
    return Problem(
        "somebody else wrote to the file, or cut it",
        file=str(path),
        expected="the lines of earlier exports, and nothing after them",
        cure="move it away: the next export starts a new file with what was not exported yet",
    )

"""Corrections appended to a JSONL file, each once in one file, whatever dies in between.

First corrections are claimed for the file, then they are written. The database says how long the
file was when an export ended: what a killed export left behind that is the start of what is to be
written now; it is kept, and the rest follows.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import select, update

from app.core.learning.store import Store
from app.core.learning.tables import Correction, Export, KeptDocument
from erniekit_finetuning.data.exact_json import exact_json
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.files import on_disk
from erniekit_finetuning.invoice.strict_json import exact_number, parse


def export(store: Store, path: Path) -> int:
    """Append what was not exported yet, as records of active learning; returns how many.

    Images are named as they lie in the store's folder of documents. Raises UnusableInput when
    somebody else changed the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    name = str(path.resolve())
    with path.open("ab+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # until the file is closed
        size = os.fstat(file.fileno()).st_size
        with store.session.begin() as session:
            told = session.get(Export, name)
            if told is None:
                session.add(Export(path=name, size=size))
            elif size == 0:  # it was moved away: this is a new file
                told.size = 0
            unclaimed = update(Correction).where(Correction.file.is_(None))
            session.execute(unclaimed.values(file=name))
        with store.session.begin() as session:
            waiting = session.execute(
                select(Correction, KeptDocument)
                .join(KeptDocument)
                .where(Correction.file == name, Correction.exported.is_(False))
                .order_by(Correction.number)
            ).all()
            lines = b"".join(_line(correction, document) for correction, document in waiting)
            told = session.get_one(Export, name)
            file.seek(told.size)
            left = file.read()
            if size < told.size or not lines.startswith(left) or not _ends_a_line(file, told.size):
                raise UnusableInput(_changed(path))
            file.write(lines[len(left) :])
            on_disk(file, path.parent)
            told.size += len(lines)
            for correction, _ in waiting:
                correction.exported = True
    return len(waiting)


def _ends_a_line(file: BinaryIO, size: int) -> bool:
    """Whether the first `size` bytes end with a line."""
    file.seek(max(size - 1, 0))
    return size == 0 or file.read(1) == b"\n"


def _line(correction: Correction, document: KeptDocument) -> bytes:
    record = {
        "document_id": document.id,
        "image_path": document.file,
        "original_data": parse(document.reading, exact_number),
        "corrected_data": parse(correction.corrected, exact_number),
        "model": document.model,
        "timestamp": f"{correction.received.isoformat(timespec='seconds')}Z",
        "user_id": correction.reviewer,
    }
    return exact_json(record).encode() + b"\n"


def _changed(path: Path) -> Problem:
    return Problem(
        "somebody else wrote to the file, or cut it",
        file=str(path),
        expected="the lines of earlier exports, and nothing after them",
        cure="move it away: the next export starts a new file with what was not exported yet",
    )

"""A file that a client sends, on disk while it is read."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fastapi import HTTPException, UploadFile

from erniekit_finetuning.documents.limits import MAX_BYTES

_LONGEST = 255  # letters of a name


def name_of(file: UploadFile) -> str:
    """What its sender calls the file; letters that no UTF-8 can say are replaced."""
    # The charset that a form names may be one that makes halves of letters.
    return (file.filename or "")[:_LONGEST].encode(errors="replace").decode()


@contextmanager
def received(file: UploadFile) -> Iterator[Path]:
    """A copy that is gone afterwards; HTTPException 413 for one that is too large."""
    if file.size is None or file.size > MAX_BYTES:
        raise HTTPException(413, f"a file of at most {MAX_BYTES} bytes is expected")
    with tempfile.TemporaryDirectory() as folder:
        # The client's file name is shown in messages only, never used as a path.
        path = Path(folder) / "upload"
        with path.open("wb") as copy:
            shutil.copyfileobj(file.file, copy)
        yield path

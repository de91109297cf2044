"""A file that a client sends, on disk while it is read."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fastapi import HTTPException, UploadFile

from erniekit_finetuning.documents.limits import MAX_BYTES


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

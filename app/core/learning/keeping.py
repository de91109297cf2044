"""A reading is kept as corrections and trainings have it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.core.learning.doubts import doubts_of
from app.core.learning.store import Store
from app.core.models.ernie_vlm_service import Reading
from erniekit_finetuning.extraction import Extraction
from erniekit_finetuning.invoice.response import structured_data
from erniekit_finetuning.own_extraction import OwnExtraction


def keep_reading(
    store: Store,
    name: str,
    file: Path,
    reading: Reading,
    *,
    id_: str | None = None,
    before: Callable[[Session], None] | None = None,
) -> str:
    """Keep a file, by the name that its sender gave it, with what was read; returns its id.

    `id_` and `before` are as in `Store.keep`.
    """
    read, schema = reading
    return store.keep(
        name,
        file.read_bytes(),
        read.model,
        stored_form(read),
        schema,
        confidence=read.confidence,
        doubts=doubts_of(read),
        id_=id_,
        before=before,
    )


def told_reading(read: Extraction | OwnExtraction, document_id: str | None) -> str:
    """A reading as clients are told it: JSON, with the id under which it can be corrected.

    Numbers of a schema of one's own stay as they were said.
    """
    return f'{{"document_id":{json.dumps(document_id)},{read.json_text()[1:]}'


def stored_form(read: Extraction | OwnExtraction) -> dict[str, Any]:
    """What was read, in our shape or that of its schema."""
    if isinstance(read, OwnExtraction):
        return read.data
    return {"structured_data": structured_data(read.invoice)}

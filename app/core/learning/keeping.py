"""A reading is kept as corrections and trainings have it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.core.learning.doubts import doubts_of
from app.core.learning.store import Store
from app.core.models.ernie_vlm_service import Reading
from erniekit_finetuning.extraction import Extraction
from erniekit_finetuning.invoice.response import structured_data
from erniekit_finetuning.own_extraction import OwnExtraction


def keep_reading(store: Store, name: str, file: Path, reading: Reading) -> str:
    """Keep a file, by the name that its sender gave it, with what was read; returns its id."""
    read, schema = reading
    said = read.model, stored_form(read), schema
    return store.keep(
        name, file.read_bytes(), *said, confidence=read.confidence, doubts=doubts_of(read)
    )


def stored_form(read: Extraction | OwnExtraction) -> dict[str, Any]:
    """What was read, in our shape or that of its schema."""
    if isinstance(read, OwnExtraction):
        return read.data
    return {"structured_data": structured_data(read.invoice)}

"""Readings as clients get them."""

from __future__ import annotations

from erniekit_finetuning.extraction import Extraction
from erniekit_finetuning.own_extraction import OwnExtraction


class Reading(Extraction):
    """An extraction, and the id under which it can be corrected."""

    document_id: str | None


class OwnReading(OwnExtraction):
    """The same in a schema of one's own."""

    document_id: str | None

"""What a reviewer does with a kept document: open it, check it, save a correction, go on."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.core.learning.store import Store
from app.core.models.ernie_vlm_service import ErnieVLMService
from app.ui.findings import Flag
from app.ui.sheet import sheet_of
from erniekit_finetuning.documents.model import Document
from erniekit_finetuning.errors import Problem, UnusableInput

_LENT = 15.0  # minutes in which nobody else gets a document
_OPENED = 32  # documents whose words are remembered: a scan takes seconds to read


class Asked(BaseModel):
    """A document of the store."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    document_id: str = Field(max_length=64)


class Edited(Asked):
    """A document with the form as the reviewer left it: text in the place of every value."""

    text: dict[str, Any]
    reviewer: str = Field(default="", max_length=200)


class Reviewing:
    """The review of kept documents. Safe to use from several threads."""

    def __init__(self, service: ErnieVLMService, store: Store) -> None:
        self.service, self.store = service, store
        self._documents: OrderedDict[str, Document] = OrderedDict()
        self._lock = Lock()

    def open(self, document_id: str) -> dict[str, Any]:
        """A document as the browser draws it; raises UnusableInput, Busy."""
        sheet = sheet_of(self.store.kept(document_id))
        drawn = sheet.drawn(self.document(document_id))
        return drawn | {"flags": _told(sheet.flags()), "waiting": self.store.waiting}

    def document(self, document_id: str) -> Document:
        """The words of a kept document."""
        with self._lock:
            there = self._documents.get(document_id)
        return there or self.remember(
            document_id, self.service.open(self.store.kept(document_id).file)
        )

    def remember(self, document_id: str, document: Document) -> Document:
        """Keep words that are needed again soon."""
        with self._lock:
            self._documents[document_id] = document
            while len(self._documents) > _OPENED:
                self._documents.popitem(last=False)
        return document

    def check(self, edited: Edited) -> list[dict[str, Any]]:
        """What speaks against the form as it is; raises UnusableInput."""
        return _told(sheet_of(self.store.kept(edited.document_id)).flags(edited.text))

    def save(self, edited: Edited) -> dict[str, int]:
        """Keep what the reviewer changed, and nothing else; tells the correction's number.

        A form that is left as it was read says that the reading is right. Raises UnusableInput for
        what no training could read.
        """
        sheet = sheet_of(self.store.kept(edited.document_id))
        changed = sheet.changed(edited.text)
        reviewer = edited.reviewer.strip() or None
        number = self.store.correct(edited.document_id, changed, reviewer)
        return {"number": number, "waiting": self.store.waiting}

    def next_document(self) -> str:
        """The document to review next, lent to one reviewer; raises UnusableInput for none."""
        found = self.store.lend(_LENT)
        if found is None:
            cure = "drop one, or let `serve` read some"
            raise UnusableInput(Problem("no document waits for a review", cure=cure))
        return found.id


def _told(flags: list[Flag]) -> list[dict[str, Any]]:
    return [{"text": flag.text, "fields": list(flag.fields)} for flag in flags]

"""Two models beside each other: what each reads from one document, field by field."""

from __future__ import annotations

from threading import Lock
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.config.settings import Settings
from app.core.learning.keeping import stored_form
from app.core.learning.store import Kept
from app.core.models.ernie_vlm_service import ErnieVLMService
from app.ui.form import leaves
from app.ui.reviewing import Reviewing
from app.ui.sheet import Sheet, sheet_of
from erniekit_finetuning.documents.model import Document
from erniekit_finetuning.engines.api.settings import is_api_model
from erniekit_finetuning.engines.locating import locate
from erniekit_finetuning.engines.prompting import schema_file
from erniekit_finetuning.errors import Problem, UnusableInput

BASE = "base of the model"


class Compared(BaseModel):
    """A document, and the two models that shall read it; None is the desk's own model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    document_id: str = Field(max_length=64)
    models: tuple[str | None, str | None]


class Comparing:
    """Reads documents with two models. The base of a tuned model is loaded when it is asked."""

    def __init__(self, reviewing: Reviewing, settings: Settings) -> None:
        self._reviewing, self._settings = reviewing, settings
        self._tuned = _tuned(settings)
        self._base: ErnieVLMService | None = None
        self._lock = Lock()

    @property
    def models(self) -> list[dict[str, str | None]]:
        """The models that can be compared, by name; the first two are base and tuned."""
        service = self._reviewing.service
        found: list[dict[str, str | None]] = [{"name": None, "title": service.model}]
        if self._tuned is not None:
            title = f"base: {locate(self._tuned).base.name}"
            found.insert(0, {"name": BASE, "title": title})
        return found + [{"name": name, "title": name} for name in service.models]

    def compare(self, asked: Compared) -> dict[str, Any]:
        """Every field of either answer with both values; raises as `ErnieVLMService.read` does."""
        document = self._reviewing.document(asked.document_id)
        kept = self._reviewing.store.kept(asked.document_id)
        sheets = [self._sheet(document, kept, model) for model in asked.models]
        values = [dict(leaves(sheet.shape, sheet.text)) for sheet in sheets]
        fields = dict.fromkeys(field for found in values for field in found)
        return {
            "name": kept.name,
            "rows": [
                {"field": field.title, "values": [found.get(field, "") for found in values]}
                for field in fields
                if any(found.get(field) for found in values)
            ],
            "flags": [[flag.text for flag in sheet.flags()] for sheet in sheets],
        }

    def close(self) -> None:
        """End the base's processes, where it was asked."""
        with self._lock:
            if self._base is not None:
                self._base.close()

    def _sheet(self, document: Document, kept: Kept, model: str | None) -> Sheet:
        if model == BASE:
            read, schema = self._loaded_base().reading_of(document)
        else:
            read, schema = self._reviewing.service.reading_of(document, model)
        return sheet_of(kept._replace(reading=stored_form(read), schema=schema, confidence={}))

    def _loaded_base(self) -> ErnieVLMService:
        if self._tuned is None:
            cure = "start the desk with a tuned model"
            raise UnusableInput(Problem("no base is known to compare with", cure=cure))
        with self._lock:
            if self._base is None:
                self._base = ErnieVLMService(_of_base(self._settings, self._tuned))
        return self._base


def _tuned(settings: Settings) -> str | None:
    """The desk's model where it is an adapter, whose base can be asked, too."""
    model = str(settings.ernie_vl.fine_tuned_model_path or settings.ernie_vl.base_model)
    return None if is_api_model(model) or locate(model).adapter is None else model


def _of_base(settings: Settings, tuned: str) -> Settings:
    """The settings with the base in place of the tuned model, asked and held as that is."""
    told: dict[str, Any] = {
        "base_model": str(locate(tuned).base),
        "fine_tuned_model_path": None,
        "models": {},
        "answer_schema": settings.ernie_vl.answer_schema or schema_file(tuned),
    }
    return settings.model_copy(update={"ernie_vl": settings.ernie_vl.model_copy(update=told)})

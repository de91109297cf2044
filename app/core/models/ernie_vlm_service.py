"""ErnieVLMService: loads a base model with its adapter and reads invoices.

service = ErnieVLMService({"ernie_vl": {"fine_tuned_model_path": "runs/demo/adapter"}})
extraction = service.extract(Path("invoice.pdf"))
print(extraction.invoice.model_dump_json(exclude_none=True))
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from app.config.settings import Settings, load_settings
from erniekit_finetuning.confidence.calibration import (
    Calibration,
    calibration_file,
    calibration_of,
)
from erniekit_finetuning.data.schemas.own import read_own_schema, schema_sha256
from erniekit_finetuning.documents.model import Document
from erniekit_finetuning.documents.opening import read_document
from erniekit_finetuning.engines.prompting import schema_file
from erniekit_finetuning.engines.registry import get_engine
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.evaluation.fingerprints import model_fingerprint
from erniekit_finetuning.extraction import Extraction, extract
from erniekit_finetuning.own_extraction import OwnExtraction, extract_own
from erniekit_finetuning.recipes.models import model_folder


class ErnieVLMService:
    """One loaded model. Safe to call from several threads; calls are answered one at a time."""

    def __init__(self, config: Mapping[str, Any] | Settings | None = None) -> None:
        """Load the model that settings name; the environment goes before `config`.

        Raises UnusableInput when settings or model cannot be used.
        """
        settings = config if isinstance(config, Settings) else load_settings(config)
        self.settings = settings.ernie_vl
        tuned = self.settings.fine_tuned_model_path
        if tuned is not None and not tuned.exists():
            raise UnusableInput(
                Problem(
                    "the fine-tuned model is not there",
                    field="ernie_vl.fine_tuned_model_path",
                    found=str(tuned),
                    cure="give a run, adapter or merged folder, or leave it out for the base model",
                )
            )
        self.model = str(tuned or self.settings.base_model)
        file = self.settings.answer_schema or schema_file(self.model)
        self.schema = None if file is None else read_own_schema(file)
        self._calibration = self._calibrated()
        self._reader = get_engine(self.settings.engine).load(self.model)
        self._lock = Lock()

    def extract(self, path: Path) -> Extraction | OwnExtraction:
        """Read one PDF or image: an OwnExtraction where the model or the settings name a schema.

        Raises UnusableInput for a file that cannot be read, UnreadableAnswer when the model does
        not answer with JSON.
        """
        return self.read(read_document(path))

    def read(self, document: Document) -> Extraction | OwnExtraction:
        """Read a document that is open already; raises as `extract` does."""
        how = self.settings.max_new_tokens, self.settings.decoding, self._calibration
        with self._lock:
            if self.schema is None:
                return extract(self._reader, document, self.model, *how)
            return extract_own(self._reader, document, self.schema, self.model, *how)

    def _calibrated(self) -> Calibration | None:
        """The model folder's calibration; raises UnusableInput for one of other weights."""
        folder = model_folder(self.model)
        if folder is None or not calibration_file(folder).is_file():
            return None
        held_to = None if self.schema is None else schema_sha256(self.schema.json)
        return calibration_of(folder, model_fingerprint(folder), self.settings.decoding, held_to)

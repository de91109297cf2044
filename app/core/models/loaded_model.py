"""A model with what its answers are held to and how its confidence is counted."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

from app.config.sections import ErnieVL
from app.core.models.allowed import check_allowed
from app.core.models.answering import Answering
from app.core.models.asked import asked_of
from app.core.models.model_process import ModelProcess
from app.core.models.served_model import ServedModel
from erniekit_finetuning.confidence.calibration import (
    Calibration,
    calibration_file,
    calibration_of,
)
from erniekit_finetuning.data.schemas.own import OwnSchema, read_own_schema, schema_sha256
from erniekit_finetuning.decoding import Decoding
from erniekit_finetuning.documents.model import Document
from erniekit_finetuning.engines.api.settings import is_api_model
from erniekit_finetuning.engines.prompting import schema_file
from erniekit_finetuning.engines.protocol import Generation
from erniekit_finetuning.evaluation.fingerprints import model_fingerprint
from erniekit_finetuning.extraction import Extraction, flagged
from erniekit_finetuning.own_extraction import OwnExtraction, own_flagged
from erniekit_finetuning.recipes.models import model_folder


class LoadedModel:
    """What answers for a model, and what turns its answers into extractions."""

    def __init__(self, name: str, settings: ErnieVL) -> None:
        """Load it; raises UnusableInput when the model, its schema or calibration is unusable.

        `name`: a model's name or folder, or the settings of one behind an API: a .yaml file.
        """
        self.name, self._most_new_tokens = name, settings.max_new_tokens
        if settings.allowed_folder is not None:
            check_allowed(name, settings.allowed_folder)
        behind_api = is_api_model(name)
        trained_on = None if behind_api else schema_file(name)
        file = settings.answer_schema or trained_on
        self.schema = None if file is None else read_own_schema(file)
        # Bounds of tokens cannot be sent: such an answer may say what the document does not.
        self._decoding = Decoding.OFF if behind_api else settings.decoding
        self._calibration = None
        if behind_api:
            self.answering: Answering = ServedModel(Path(name), self.schema, settings.most_open)
        else:
            self._calibration = _calibration(name, settings, self.schema)
            self.answering = ModelProcess(settings.engine, name, settings.rows, settings.most_open)

    def ask(self, document: Document, images: Sequence[Path] = ()) -> Future[Generation]:
        """Ask for the document's invoice, by its text or images of its pages; see
        `Answering.submit`."""
        how = self._decoding, self._most_new_tokens, tuple(map(str, images))
        return self.answering.submit(asked_of(document, self.schema, *how))

    def extraction(self, said: Generation, document: Document) -> Extraction | OwnExtraction:
        """What the model said, typed, placed and checked; raises UnreadableAnswer."""
        how = self.name, self._decoding, self._calibration
        if self.schema is None:
            return flagged(said, document, *how)
        return own_flagged(said, self.schema, document, *how)


def _calibration(name: str, settings: ErnieVL, schema: OwnSchema | None) -> Calibration | None:
    """The model folder's calibration; raises UnusableInput for one of other weights."""
    folder: Path | None = model_folder(name)
    if folder is None or not calibration_file(folder).is_file():
        return None
    held_to = None if schema is None else schema_sha256(schema.json)
    return calibration_of(folder, model_fingerprint(folder), settings.decoding, held_to)

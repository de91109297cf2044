"""ErnieVLMService: loads a base model with its adapter and reads invoices.

service = ErnieVLMService({"ernie_vl": {"fine_tuned_model_path": "runs/demo/adapter"}})
extraction = service.extract(Path("invoice.pdf"))
print(extraction.invoice.model_dump_json(exclude_none=True))
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any, NamedTuple

from app.config.settings import Settings, load_settings
from app.core.documents.opener import Opener
from app.core.models.loaded_model import LoadedModel
from app.core.processes import Closed
from erniekit_finetuning.documents.model import Document
from erniekit_finetuning.engines.protocol import Generation
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.extraction import Extraction
from erniekit_finetuning.own_extraction import OwnExtraction


class TimedOut(Exception):
    """The document was not read in time, and was given up."""


class Reading(NamedTuple):
    """What was read, and the schema of the answer as JSON; None where it is ours."""

    extraction: Extraction | OwnExtraction
    schema: str | None


class _Pages:
    """Images of a document's pages, made once they are asked for and removed with `kept`."""

    def __init__(
        self, opener: Opener, document: Document, file: Path | None, kept: ExitStack
    ) -> None:
        self._opener, self._document, self._file, self._kept = opener, document, file, kept

    @cached_property
    def images(self) -> tuple[Path, ...]:
        """A file for each page; none where there is no file to draw."""
        if self._file is None:
            return ()
        folder = Path(self._kept.enter_context(TemporaryDirectory()))
        made = tuple(folder / f"{page}.jpg" for page in range(len(self._document.pages)))
        for page, image in enumerate(made):
            image.write_bytes(self._opener.picture(self._file, page))
        return made


class ErnieVLMService:
    """Reads documents with a base or tuned model, and with others by name.

    Each model answers in a process of its own, many documents side by side; files are opened in
    others. Safe to call from several threads; a process that dies is started again and no document
    is lost.
    """

    def __init__(self, config: Mapping[str, Any] | Settings | None = None) -> None:
        """Load the model that settings name; the environment goes before `config`.

        Raises UnusableInput when settings or model cannot be used.
        """
        settings = config if isinstance(config, Settings) else load_settings(config)
        self.settings = settings.ernie_vl
        tuned = self.settings.fine_tuned_model_path
        named = {"ernie_vl.fine_tuned_model_path": tuned} if tuned else {}
        named |= {f"ernie_vl.models.{name}": path for name, path in self.settings.models.items()}
        problems = [
            Problem(
                "the fine-tuned model is not there",
                field=field,
                found=str(path),
                cure="give a run, adapter or merged folder, or leave it out for the base model",
            )
            for field, path in named.items()
            if not path.exists()
        ]
        if problems:
            raise UnusableInput(problems)
        most = self.settings.most_open
        self._opener = Opener(**settings.documents.model_dump(), most_open=most)
        self._lock = Lock()
        self._loading = {name: Lock() for name in self.settings.models}
        self._loaded: dict[str | None, LoadedModel] = {}
        self._closed = False
        self._loaded[None] = LoadedModel(self.settings.first_model, self.settings)

    @property
    def model(self) -> str:
        """The model that reads documents for which no other is named."""
        return self._loaded[None].name

    @property
    def ready(self) -> bool:
        """Whether the first model's process is loaded and runs."""
        return self._loaded[None].answering.ready

    @property
    def models(self) -> dict[str, str]:
        """The named models, and where each is."""
        with self._lock:
            there = {name: loaded.name for name, loaded in self._loaded.items() if name}
        return {name: str(path) for name, path in self.settings.models.items()} | there

    @property
    def open_documents(self) -> int:
        """Documents that wait or are being read."""
        with self._lock:
            loaded = list(self._loaded.values())
        return sum(len(one.answering) for one in loaded)

    def extract(self, path: Path, model: str | None = None) -> Extraction | OwnExtraction:
        """Read one PDF or image: an OwnExtraction where the model or the settings name a schema.

        `model` is one of the settings' `models`. Raises UnusableInput for a file that cannot be
        read, UnreadableAnswer when the model does not answer with JSON, Busy when too many
        documents are open, TimedOut.
        """
        return self.reading(path, model).extraction

    def reading(self, path: Path, model: str | None = None) -> Reading:
        """The same with the schema that it is in."""
        return self.reading_of(self.open(path), model, path)

    def open(self, path: Path) -> Document:
        """The words of a file, for `read`; raises UnusableInput, Busy."""
        return self._opener.open(path)

    def picture(self, path: Path, page: int) -> bytes:
        """Page `page` (from 0) of a file as JPEG; raises as `open` does."""
        return self._opener.picture(path, page)

    def read(
        self, document: Document, model: str | None = None, file: Path | None = None
    ) -> Extraction | OwnExtraction:
        """Read a document that is open already; raises as `extract` does.

        A model that sees images is shown the pages of `file`, where it is given, else the text.
        """
        return self.reading_of(document, model, file).extraction

    def reading_of(
        self, document: Document, model: str | None = None, file: Path | None = None
    ) -> Reading:
        """The same with the schema that it is in."""
        with ExitStack() as kept:
            pages = _Pages(self._opener, document, file, kept)
            loaded, answer = self._asked(document, model, pages)
            try:
                said = answer.result(self.settings.timeout_seconds)
            except TimeoutError as error:
                answer.cancel()
                what = f"the document was not read in {self.settings.timeout_seconds:g} s"
                raise TimedOut(what) from error
        schema = None if loaded.schema is None else loaded.schema.text
        return Reading(loaded.extraction(said, document), schema)

    def swap(self, path: Path, model: str | None = None) -> None:
        """Let another fine-tuned model read what comes from now on.

        What is open is answered by the one before, whose process then ends. Raises UnusableInput,
        and changes nothing, when the new one cannot be loaded; Closed after `close`.
        """
        loaded = LoadedModel(str(path), self.settings)
        before = self._exchanged(model, loaded)
        if before is not None:
            before.answering.close()

    def check_named(self, model: str | None) -> None:
        """Raise UnusableInput for a model that is neither the first nor named."""
        if model is not None and model not in self.settings.models:
            expected = ", ".join(self.settings.models) or "none is named"
            raise UnusableInput(
                Problem("no such model", field="model", found=model, expected=expected)
            )

    def close(self) -> None:
        """Answer what is open and end all processes."""
        with self._lock:
            self._closed = True
            loaded = list(self._loaded.values())
        for one in loaded:
            one.answering.close()
        self._opener.close()

    def _asked(
        self, document: Document, model: str | None, pages: _Pages
    ) -> tuple[LoadedModel, Future[Generation]]:
        while True:
            loaded = self._of(model)
            images = pages.images if loaded.answering.sees_images else ()
            try:
                return loaded, loaded.ask(document, images)
            except Closed:
                if self._closed:
                    raise

    def _of(self, model: str | None) -> LoadedModel:
        """The model of a name, loaded now where nobody asked it before."""
        loaded = self._loaded.get(model)
        if loaded is not None:
            return loaded
        self.check_named(model)
        assert model is not None  # the first one is always there
        with self._loading[model]:  # others are answered meanwhile
            loaded = self._loaded.get(model)
            if loaded is None:
                loaded = LoadedModel(str(self.settings.models[model]), self.settings)
                self._exchanged(model, loaded)
        return loaded

    def _exchanged(self, model: str | None, loaded: LoadedModel) -> LoadedModel | None:
        """Put a model in its place; gives the one that was there."""
        with self._lock:
            if not self._closed:
                before = self._loaded.get(model)
                self._loaded[model] = loaded
                return before
        loaded.answering.close()
        raise Closed

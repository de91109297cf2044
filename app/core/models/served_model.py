"""A model behind an OpenAI-compatible API: vLLM, FastDeploy, a cloud."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from app.core.models.answering import Unavailable
from app.core.models.asked import Asked
from app.core.models.pace import Pace
from app.core.processes import Busy, Closed
from erniekit_finetuning.data.schemas.own import OwnSchema
from erniekit_finetuning.data.schemas.reading import plain_schema
from erniekit_finetuning.engines.api.connection import ServerFailed
from erniekit_finetuning.engines.api.reader import ApiReader
from erniekit_finetuning.engines.api.settings import load_api_model
from erniekit_finetuning.engines.protocol import Generation
from erniekit_finetuning.invoice.answer_schema import answer_schema
from erniekit_finetuning.shipped import shipped


class ServedModel:
    """Asks the server `parallel` questions at once; see `Answering`."""

    def __init__(self, file: Path, schema: OwnSchema | None, most_open: int) -> None:
        """Read the server's settings; nothing is asked yet.

        `schema`: of the answers, None for ours. Raises UnusableInput for settings that cannot be
        used.
        """
        settings = load_api_model(shipped(file))
        held_to = plain_schema(answer_schema() if schema is None else schema.json)
        self._reader = ApiReader(settings, held_to)
        self._pool = ThreadPoolExecutor(settings.parallel, thread_name_prefix="served model")
        self._most_open = most_open
        self._lock = Lock()
        self._open = 0
        self._closed = False
        self._pace = Pace()

    @property
    def ready(self) -> bool:
        """True: whether the server answers is not known before it is asked."""
        return True

    @property
    def sees_images(self) -> bool:
        """As its settings say."""
        return self._reader.sees_images

    def __len__(self) -> int:
        """How many questions are open."""
        return self._open

    def submit(self, asked: Asked) -> Future[Generation]:
        """See `Answering.submit`; a question on its way to the server is not called back."""
        with self._lock:
            if self._closed:
                raise Closed
            if self._open >= self._most_open:
                raise Busy(self._pace.seconds_for(self._open))
            self._open += 1
            answer = self._pool.submit(self._answer, asked)
        answer.add_done_callback(self._done)
        return answer

    def close(self) -> None:
        """Answer what is open, then end."""
        with self._lock:
            self._closed = True
        self._pool.shutdown()

    def _answer(self, asked: Asked) -> Generation:
        question = asked.question()
        try:
            (said,) = self._reader.generate([question], asked.max_new_tokens)
        except ServerFailed as error:
            # Which server it is, and what it says, is not for who sent the document.
            raise Unavailable(str(error)) from error
        return said

    def _done(self, _: Future[Generation]) -> None:
        with self._lock:
            self._open -= 1
            self._pace.answered(still_open=self._open)

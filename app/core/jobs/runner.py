"""Reads the documents of jobs beside those of people who wait for an answer."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event, Lock, Thread

from sqlalchemy.exc import SQLAlchemyError

from app.config.sections import Jobs
from app.core.jobs.files import JobFiles
from app.core.jobs.giving_way import at_once_of, may_begin
from app.core.jobs.store import JobStore
from app.core.jobs.work import Overtaken, Waiting, Work
from app.core.learning.store import Store
from app.core.learning.tables import now
from app.core.models.answering import Unavailable
from app.core.models.ernie_vlm_service import ErnieVLMService, Reading
from app.core.processes import Busy, Closed
from app.core.refusals import KNOWN, Refusal, refusal
from erniekit_finetuning.console import messages
from erniekit_finetuning.extraction import Extraction
from erniekit_finetuning.own_extraction import OwnExtraction

_LOOKS = 1.0  # seconds between looks at what there is to read and whether there is room
_FORGETS = 3600.0  # seconds between looks at what is old
_AGAIN = 10.0  # seconds until what could not be asked is asked again


class Runner:
    """Reads what waits until it is closed; what is not read by then waits for the next start.

    A document waits while its model cannot be asked or has no room; whatever else goes wrong with
    it is its result.
    """

    def __init__(
        self, service: ErnieVLMService, store: Store, settings: Jobs, folder: Path
    ) -> None:
        """Clear up after a service that was killed, and begin; `folder` is for the files."""
        files = JobFiles(folder)
        self.settings = settings
        self.store = JobStore(store, files, settings.most_open)
        self._service, self._work = service, Work(store, files)
        self._at_once = at_once_of(settings.at_once, service.settings.most_open)
        self._heard: list[Callable[[Extraction | OwnExtraction], None]] = []
        self._lock, self._opening = Lock(), Lock()
        self._taken: set[tuple[int, int]] = set()
        self._paused: dict[str | None, float] = {}
        self._asking = 0
        self._last = 0  # the job that had the last turn
        self._told: str | None = None
        self._woken, self._ended = Event(), Event()
        self._pool = ThreadPoolExecutor(self._at_once, thread_name_prefix="job")
        self._work.begin()
        self._thread = Thread(target=self._run, name="jobs", daemon=True)
        self._thread.start()

    def on_read(self, hear: Callable[[Extraction | OwnExtraction], None]) -> None:
        """Tell each reading to `hear`, too."""
        self._heard.append(hear)

    def wake(self) -> None:
        """Look now: there is something to read."""
        self._woken.set()

    def close(self) -> None:
        """Begin nothing more, and finish what is being read."""
        self._ended.set()
        self._woken.set()
        self._thread.join()
        self._pool.shutdown()

    def _run(self) -> None:
        forget_at = time.monotonic()
        while not self._ended.is_set():
            try:
                if time.monotonic() >= forget_at:
                    old = now() - timedelta(days=self.settings.keep_days)
                    if not self.store.forget(old):  # some at a time, and none are left
                        forget_at += _FORGETS
                begun = self._begin()
            except SQLAlchemyError as error:
                self._tell(f"jobs wait: {error}")
                begun = False
            if not begun:
                self._woken.wait(_LOOKS)
                self._woken.clear()

    def _begin(self) -> bool:
        """Begin to read a document, where there is one and may be."""
        with self._lock:
            own, taken = len(self._taken), set(self._taken)
            others = max(0, self._service.open_documents - self._asking)
            moment = time.monotonic()
            paused = {model for model, until in self._paused.items() if until > moment}
        if not may_begin(own, others, self._at_once, self._service.settings.most_open):
            return False
        one = self._work.next(self._last, taken, paused)
        if one is None:
            return False
        self._work.started(one)
        self._last = one.job
        with self._lock:
            self._taken.add(one.key)
        self._pool.submit(self._take, one)
        return True

    def _take(self, one: Waiting) -> None:
        """Give a document its result, or leave it for later."""
        try:
            self._settle(one)
        except Overtaken:
            pass
        except Busy as error:
            self._pause(one.model, error.retry_after)
        except (Unavailable, Closed, OSError, SQLAlchemyError) as error:
            if not isinstance(error, Closed):
                self._tell(f"jobs wait: {error}")
            self._pause(one.model, _AGAIN)
        finally:
            with self._lock:
                self._taken.discard(one.key)
            self._woken.set()

    def _settle(self, one: Waiting) -> None:
        try:
            reading = self._reading(one)
        except (Busy, Unavailable, Closed, OSError):
            raise
        except Exception as error:  # of whatever kind: one document ends no job
            self._work.refuse(one, _told(error))
        else:
            self._work.keep(one, reading)
            for hear in self._heard:
                hear(reading.extraction)

    def _reading(self, one: Waiting) -> Reading:
        with self._opening:  # one at a time: who waits for an answer finds a process
            document = self._service.open(one.file)
        with self._counted():
            return self._service.reading_of(document, one.model, one.file)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Count a question as one of ours while it is open."""
        with self._lock:
            self._asking += 1
        try:
            yield
        finally:
            with self._lock:
                self._asking -= 1

    def _pause(self, model: str | None, seconds: float) -> None:
        with self._lock:
            self._paused[model] = time.monotonic() + seconds

    def _tell(self, text: str) -> None:
        if text != self._told:
            messages.print(text)
        self._told = text


def _told(error: Exception) -> Refusal:
    if isinstance(error, KNOWN):
        return refusal(error)
    traceback.print_exception(error)
    return Refusal(500, [{"what": "the service failed at this document; its log says how"}])

"""Files of strangers, opened in processes that may die: a hostile one hurts nobody else."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from queue import Queue
from threading import BoundedSemaphore, Event, Timer
from typing import Any

from app.core.processes import Busy, Closed, started
from erniekit_finetuning.documents.model import Document
from erniekit_finetuning.errors import Problem, UnusableInput

_WORKER = Path(__file__).with_name("document_worker.py")
_TRIES = 2  # a process may have been killed for another reason


class Opener:
    """Opens PDFs and images in `processes` processes of bounded memory, each file in bounded time.

    Safe to call from several threads; who finds no process free waits.
    """

    def __init__(self, processes: int, megabytes: int, seconds: float, most_open: int) -> None:
        """Processes are started when they are needed.

        `seconds` bounds a file, pages read by OCR included; `most_open` files may wait or be opened
        at once.
        """
        self._room = BoundedSemaphore(most_open)
        self._retry_after = max(1, most_open // (2 * processes))
        self._command = [sys.executable, str(_WORKER), str(megabytes)]
        self._seconds, self._processes, self._closed = seconds, processes, False
        self._free: Queue[subprocess.Popen[bytes] | None] = Queue()
        for _ in range(processes):
            self._free.put(None)

    def open(self, path: Path) -> Document:
        """The words of a file.

        Raises UnusableInput as `read_document` does, and for a file that takes too long or ends
        the process; Busy when too many are open, Closed after `close`.
        """
        return Document.from_json(self._asked(path, None)["document"])

    def picture(self, path: Path, page: int) -> bytes:
        """Page `page` (from 0) of a file as JPEG; raises as `open` does."""
        return base64.b64decode(self._asked(path, page)["picture"])

    def _asked(self, path: Path, page: int | None) -> dict[str, Any]:
        if not self._room.acquire(blocking=False):
            raise Busy(self._retry_after)
        try:
            told = self._answered(path, page)
        finally:
            self._room.release()
        if "problems" in told:
            raise UnusableInput.from_json(told["problems"])
        return told

    def _answered(self, path: Path, page: int | None) -> dict[str, Any]:
        for _ in range(_TRIES):
            process = self._free.get()
            try:
                if self._closed:
                    raise Closed
                if process is None or process.poll() is not None:
                    process = started(self._command)
                told = self._told(process, path, page)
            finally:
                self._free.put(process)
            if told is not None:
                return told
        cure = "open it in a viewer and save it again"
        raise UnusableInput(Problem("the file cannot be opened safely", str(path), cure=cure))

    def close(self) -> None:
        """Wait for the files that are being opened, and end the processes."""
        self._closed = True
        slots = [self._free.get() for _ in range(self._processes)]
        for process in slots:
            if process is not None:
                process.kill()
                process.wait()
            self._free.put(None)

    def _told(
        self, process: subprocess.Popen[bytes], path: Path, page: int | None
    ) -> dict[str, Any] | None:
        """What the process says of a file; None when it died."""
        assert process.stdin is not None
        assert process.stdout is not None
        late = Event()

        def end() -> None:
            late.set()
            process.kill()

        timer = Timer(self._seconds, end)
        timer.start()
        line = b""
        try:
            with suppress(OSError):
                process.stdin.write(json.dumps([str(path), page]).encode() + b"\n")
                process.stdin.flush()
                line = process.stdout.readline()
        finally:  # also where who waits is interrupted: its answer is not the next file's
            timer.cancel()
            if not line.endswith(b"\n"):
                process.kill()
                process.wait()
        if line.endswith(b"\n"):
            told: dict[str, Any] = json.loads(line)
            return told
        if late.is_set():
            what, found = "the file takes too long to open", f"over {self._seconds:g} s"
            raise UnusableInput(Problem(what, str(path), found=found, cure="split it"))
        return None

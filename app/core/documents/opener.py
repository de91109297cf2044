"""Files of strangers, opened in processes that may die: a hostile one hurts nobody else."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from queue import Queue
from threading import Event, Timer
from typing import Any

from erniekit_finetuning.documents.model import Document
from erniekit_finetuning.errors import Problem, UnusableInput

_WORKER = Path(__file__).with_name("document_worker.py")
_TRIES = 2  # a process may have been killed for another reason


class Opener:
    """Opens PDFs and images in `processes` processes of bounded memory, each file in bounded time.

    Safe to call from several threads; who finds no process free waits.
    """

    def __init__(self, processes: int, megabytes: int, seconds: float) -> None:
        """Processes are started when they are needed. `seconds` bounds a file, pages read by OCR
        included."""
        self._command = [sys.executable, str(_WORKER), str(megabytes)]
        self._seconds = seconds
        self._free: Queue[subprocess.Popen[bytes] | None] = Queue()
        for _ in range(processes):
            self._free.put(None)

    def open(self, path: Path) -> Document:
        """The words of a file.

        Raises UnusableInput as `read_document` does, and for a file that takes too long or ends
        the process.
        """
        for _ in range(_TRIES):
            process = self._free.get()
            try:
                if process is None or process.poll() is not None:
                    process = subprocess.Popen(
                        self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
                    )
                told = self._told(process, path)
            finally:
                self._free.put(process)
            if told is not None:
                return _document(told)
        cure = "open it in a viewer and save it again"
        raise UnusableInput(Problem("the file cannot be opened safely", str(path), cure=cure))

    def close(self) -> None:
        """End the processes that are free."""
        while not self._free.empty():
            process = self._free.get()
            if process is not None:
                process.kill()
                process.wait()

    def _told(self, process: subprocess.Popen[bytes], path: Path) -> dict[str, Any] | None:
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
        with suppress(OSError):
            process.stdin.write(json.dumps(str(path)).encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
        timer.cancel()
        if line.endswith(b"\n"):
            told: dict[str, Any] = json.loads(line)
            return told
        process.kill()
        process.wait()
        if late.is_set():
            what, found = "the file takes too long to open", f"over {self._seconds:g} s"
            raise UnusableInput(Problem(what, str(path), found=found, cure="split it"))
        return None


def _document(told: dict[str, Any]) -> Document:
    if "problems" in told:
        raise UnusableInput([Problem(**problem) for problem in told["problems"]])
    return Document.from_json(told["document"])

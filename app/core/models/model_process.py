"""A model in a process of its own, asked from many threads; it is started again when it dies."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, RLock, Thread
from typing import Any

from app.core.models.answering import Died, Unavailable
from app.core.models.asked import Asked
from app.core.models.pace import Pace
from app.core.processes import Busy, Closed, started
from erniekit_finetuning.engines.protocol import Generation, TokenScore
from erniekit_finetuning.errors import Problem, UnusableInput

_WORKER = Path(__file__).with_name("model_worker.py")
_ALONE = 2  # deaths that a question saw, after which it is asked alone
_MOST = 3  # deaths after which it is not asked again
_STARTS = 3  # starts in a row that may fail


@dataclass
class _Open:
    """A question that is not answered yet, and how many deaths of the process it saw."""

    asked: Asked
    answer: Future[Generation] = field(default_factory=Future)
    deaths: int = 0
    sent: bool = False


class ModelProcess:
    """Answers questions side by side; one that was accepted gets its one answer.

    A process that dies is started again and asked what is open. What has seen two deaths is asked
    alone, so that a question that kills the model takes no other with it.
    """

    def __init__(self, engine: str, model: str, rows: int, most_open: int) -> None:
        """Start it and wait until the model is loaded.

        `rows` are answered side by side, `most_open` may be open at once. Raises UnusableInput when
        the model cannot be loaded.
        """
        self._command = [sys.executable, str(_WORKER), engine, model, str(rows)]
        self._rows, self._most_open = rows, most_open
        self._open: dict[int, _Open] = {}
        self._changed = Condition(RLock())
        self._next_key = 0
        self._pace = Pace()
        self._closing = False
        self._sees_images = False
        self._failure: UnusableInput | None = None
        self._process: subprocess.Popen[bytes] | None = None  # once its model is loaded
        self._starting: subprocess.Popen[bytes] | None = None
        self._thread = Thread(target=self._run, name=f"model {model}", daemon=True)
        self._thread.start()
        with self._changed:
            self._changed.wait_for(lambda: self._process or self._failure)
            if self._failure is not None:
                raise self._failure

    @property
    def pid(self) -> int | None:
        """The process; None while it is being started again."""
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    @property
    def ready(self) -> bool:
        """Whether the process is loaded and runs."""
        return self.pid is not None

    @property
    def sees_images(self) -> bool:
        """Whether questions may carry images."""
        return self._sees_images

    def __len__(self) -> int:
        """How many questions are open."""
        return len(self._open)

    def submit(self, asked: Asked) -> Future[Generation]:
        """Ask; cancelling the future gives the question up.

        Raises Busy when too many are open, Closed after `close`, Unavailable when the model could
        not be started again. The future raises UnusableInput for what cannot be asked, and Died
        where the model did not survive the question.
        """
        with self._changed:
            if self._failure is not None:
                raise Unavailable(str(self._failure))
            if self._closing:
                raise Closed
            if len(self._open) >= self._most_open:
                raise Busy(self._pace.seconds_for(len(self._open)))
            key, self._next_key = self._next_key, self._next_key + 1
            one = self._open[key] = _Open(asked)
            self._send()

        def given_up(answer: Future[Generation]) -> None:
            if answer.cancelled() and self._forget(key):
                answer.set_running_or_notify_cancel()  # who waits for several hears of it

        one.answer.add_done_callback(given_up)
        return one.answer

    def close(self) -> None:
        """Answer what is open, then end the process."""
        with self._changed:
            self._closing = True
            self._changed.wait_for(lambda: self._failure or not self._open)
            self._end_if_done()
            if self._process is None and self._starting is not None:
                self._starting.kill()
        self._thread.join()

    def _run(self) -> None:
        """Start the process whenever it ended, and take what it says."""
        failed = 0
        while failed < _STARTS and not self._is_over():
            try:
                process = started(self._command)
            except OSError as error:
                what = "the model's process cannot be started"
                self._fail(UnusableInput(Problem(what, found=str(error))))
                return
            assert process.stdout is not None
            self._starting = process
            failed += 1
            for line in process.stdout:
                if not line.endswith(b"\n"):
                    break  # it died while it answered: it is asked again
                message = json.loads(line)
                if "ready" in message:
                    failed = 0
                    self._sees_images = message["sees_images"]
                    self._started(process)
                elif "key" in message:
                    self._answered(message)
                else:
                    self._fail(UnusableInput.from_json(message["problems"]))
                    return
            process.wait()
            self._ended()
        if self._is_over():
            return
        what = f"the model's process ended {_STARTS} times before the model was loaded"
        found, cure = f"exit code {process.returncode}", "see its log; -9 is for want of memory"
        self._fail(UnusableInput(Problem(what, found=found, cure=cure)))

    def _started(self, process: subprocess.Popen[bytes]) -> None:
        with self._changed:
            self._process = process
            self._send()
            self._end_if_done()
            self._changed.notify_all()

    def _is_over(self) -> bool:
        with self._changed:
            return self._closing and not self._open

    def _end_if_done(self) -> None:
        if self._closing and not self._open and self._process is not None:
            assert self._process.stdin is not None
            with suppress(OSError):  # it died, and has not been missed yet
                self._process.stdin.close()

    def _ended(self) -> None:
        """Note a death."""
        with self._changed:
            self._process = None
            dead = []
            for key, one in list(self._open.items()):
                one.deaths += one.sent
                one.sent = False
                if one.deaths >= _MOST:
                    dead.append(self._open.pop(key))
            self._changed.notify_all()
        for one in dead:
            _settle(one, Died(f"the model's process ended {_MOST} times while it read this"))

    def _answered(self, message: dict[str, Any]) -> None:
        with self._changed:
            one = self._open.pop(message["key"], None)
            self._pace.answered(still_open=len(self._open))
            self._send()
            self._changed.notify_all()
        if one is not None:
            if "answer" in message:
                _settle(one, _generation(message["answer"]))
            else:
                _settle(one, UnusableInput.from_json(message["problems"]))

    def _forget(self, key: int) -> bool:
        with self._changed:
            one = self._open.pop(key, None)
            if one is not None and one.sent:
                self._write({"leave": [key]})
            self._send()
            self._changed.notify_all()
        return one is not None

    def _fail(self, error: UnusableInput) -> None:
        with self._changed:
            self._failure, lost = error, list(self._open.values())
            self._open.clear()
            self._changed.notify_all()
        for one in lost:
            _settle(one, Unavailable(str(error)))

    def _send(self) -> None:
        """Hand over what can be read now: `rows`, or one alone that may have killed the process.

        The rest waits here, where it does not see the process die.
        """
        if self._process is None:
            return
        room = self._rows - sum(one.sent for one in self._open.values())
        suspects = [item for item in self._open.items() if item[1].deaths >= _ALONE]
        if suspects and room < self._rows:
            return
        waiting = [item for item in self._open.items() if not item[1].sent]
        for key, one in suspects[:1] or waiting[:room]:
            one.sent = True
            self._write({"key": key, "ask": one.asked.model_dump(mode="json")})

    def _write(self, message: dict[str, Any]) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):  # it died: what is open is asked again
                self._process.stdin.write(json.dumps(message).encode() + b"\n")
                self._process.stdin.flush()


def _settle(one: _Open, outcome: Generation | Exception) -> None:
    if not one.answer.set_running_or_notify_cancel():
        return
    if isinstance(outcome, Exception):
        one.answer.set_exception(outcome)
    else:
        one.answer.set_result(outcome)


def _generation(answer: dict[str, Any]) -> Generation:
    tokens: Sequence[Any] = answer["tokens"]
    return Generation(**{**answer, "tokens": tuple(TokenScore(*token) for token in tokens)})

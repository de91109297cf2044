"""Upstream's trainer as a process: followed while it runs, understood when it fails, ended."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from erniekit_finetuning.engines.memory import LESS, ran_out
from erniekit_finetuning.engines.paddle.upstream_worker import OWNER
from erniekit_finetuning.engines.protocol import Metric
from erniekit_finetuning.errors import Problem

LOOK_EVERY = 0.2
_COLOUR = re.compile(r"\x1b\[\d*m")
# Upstream says so much, and trains on other rows in the place of these.
_LEFT_OUT = re.compile(
    r"\[SKIP\].*|preprocess data error.*|Error processing (?:example|sample).*"
    r"|.*returned None.*|There are errors in data processing.*"
)
_NOISE = re.compile(r"^\s*(File \"|\^+$|at |\d+ +\w)|^\[operator|^-+$|^=+$")
CURE_MEMORY = (
    f"{LESS}, raise parallel.tensor or parallel.pipeline, set parallel.sharding: stage1, or take "
    "model.quantization: wint4/8"
)


class Stopped(Exception):
    """Upstream did not train to its end; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


class UpstreamProcess:
    """A training that runs in `folder`, where its processes write logs and progress.jsonl."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._folder = folder
        self._progress = folder / "progress.jsonl"
        self._progress.unlink(missing_ok=True)  # what a killed training told
        for old in (folder / "logs").glob("*"):
            old.unlink()
        environment = {name: v for name, v in os.environ.items() if not _is_stale(name)}
        # As upstream's own command line sets them.
        environment.setdefault("FLAGS_set_to_1d", "False")
        environment.setdefault("NVIDIA_TF32_OVERRIDE", "0")
        environment.setdefault("FLAGS_dataloader_use_file_descriptor", "False")
        environment |= {OWNER: str(os.getpid()), "PYTHONUNBUFFERED": "1"}
        with (folder / "log.txt").open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def follow(
        self,
        on_metric: Callable[[Metric], None],
        on_step: Callable[[int, int], None],
        silence: float,
    ) -> tuple[float, int]:
        """Pass on what it tells until it ends; give its last loss and its last step.

        Raises Stopped when it fails, leaves out a row, or says nothing for `silence` seconds.
        """
        loss, steps, told, said = float("nan"), 0, 0, 0
        last_word = time.monotonic()
        try:
            while True:
                ended = self._process.poll() is not None
                for line in self._lines(told):
                    told += len(line)
                    values = json.loads(line)
                    if "done" in values:
                        steps = values["done"]
                        on_step(steps, values["total"])
                    else:
                        loss = values.get("loss", loss)
                        on_metric(Metric(**values))
                size = sum(file.stat().st_size for file in self._logs())
                if size != said:
                    said, last_word = size, time.monotonic()
                    self._check_rows()
                if ended:
                    break
                if time.monotonic() - last_word > silence:
                    raise Stopped(self._problem(f"upstream said nothing for {silence:g} s"))
                time.sleep(LOOK_EVERY)
        finally:
            self._end()
        if self._process.returncode:
            raise Stopped(self._problem(f"upstream failed (exit code {self._process.returncode})"))
        return loss, steps

    def _lines(self, start: int) -> Iterator[bytes]:
        """Whole lines of progress from a byte on."""
        if self._progress.is_file():
            with self._progress.open("rb") as file:
                file.seek(start)
                yield from (line for line in file if line.endswith(b"\n"))

    def _logs(self) -> list[Path]:
        return [self._folder / "log.txt", *sorted((self._folder / "logs").glob("workerlog.*"))]

    def _text(self) -> str:
        texts = (file.read_text(encoding="utf-8", errors="replace") for file in self._logs())
        return _COLOUR.sub("", "\n".join(texts))

    def _check_rows(self) -> None:
        found = _LEFT_OUT.search(self._text())
        if found:
            cure = "mend or leave out that row, or raise data.max_seq_len when it is too long"
            what = "upstream would leave out a row of the data"
            raise Stopped(Problem(what, str(self._folder), found=found[0][:300], cure=cure))

    def _problem(self, what: str) -> Problem:
        text = self._text()
        cure = f"read {self._folder / 'log.txt'}"
        if ran_out(text):
            what, cure = "memory ran out in upstream's training", CURE_MEMORY
        return Problem(what, str(self._folder), found=last_words(text), cure=cure)

    def _end(self) -> None:
        """End what still runs; Paddle's launcher ends its workers when it is asked to."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def last_words(log: str) -> str:
    """The last lines that say something: the error, without frames and rules.

    >>> last_words('x = 1\\n  File "a.py", line 3\\n    ^^^^\\nValueError: bad\\n-----\\n')
    'x = 1 | ValueError: bad'
    """
    lines = [line.strip() for line in log.splitlines() if line.strip() and not _NOISE.search(line)]
    errors = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
    return " | ".join(dict.fromkeys((*lines[-2:], *errors[-1:])))[:600]


def _is_stale(name: str) -> bool:
    """What a launcher above this process left for its own workers."""
    return name.startswith(("PADDLE_TRAINER", "PADDLE_WORKERS", "PADDLE_ELASTIC", "DISTRIBUTED_"))

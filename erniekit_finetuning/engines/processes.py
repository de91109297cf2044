"""A training in processes of its own, followed from this one.

The job and what it tells travel as files of JSON, so launchers between the two may do with the
standard streams what they like. A worker ends when the process that started it does.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from erniekit_finetuning.engines.memory import LESS
from erniekit_finetuning.engines.protocol import Example, Metric, TrainResult
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.recipes.model import Recipe

# By path: Paddle's launcher starts no module by name.
WORKER = Path(__file__).resolve().with_name("worker.py")


def train_apart(
    recipe: Recipe,
    train: Sequence[Example],
    validation: Sequence[Example],
    run: Path,
    on_metric: Callable[[Metric], None],
    on_step: Callable[[int, int], None],
    launcher: Sequence[str] = (sys.executable,),
) -> TrainResult:
    """Train in a worker that `launcher` starts; see `Engine.train`.

    Raises what the worker raised as UnusableInput, and UnusableInput when it ended without a
    result, with the end of what it printed.
    """
    with tempfile.TemporaryDirectory() as held:
        folder = Path(held)
        job = {
            "recipe": recipe.model_dump(mode="json"),
            "train": [asdict(example) for example in train],
            "validation": [asdict(example) for example in validation],
            "run": str(run.resolve()),
        }
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        told = folder / "told.jsonl"
        told.touch()
        with (folder / "log.txt").open("wb") as log:
            process = subprocess.Popen(
                [*launcher, str(WORKER), str(folder)],
                stdin=subprocess.PIPE,  # its end tells the worker that this process ended
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            try:
                result = _follow(process, told, on_metric, on_step)
            finally:
                process.kill()
                process.wait()
        if result is None:
            raise UnusableInput(_ended(process.returncode, folder / "log.txt"))
        return result


def _follow(
    process: subprocess.Popen[bytes],
    told: Path,
    on_metric: Callable[[Metric], None],
    on_step: Callable[[int, int], None],
) -> TrainResult | None:
    result = None
    with told.open(encoding="utf-8") as lines:
        while True:
            ended = process.poll() is not None  # asked first: what it wrote last is still read
            while line := lines.readline():
                while not line.endswith("\n"):
                    line += lines.readline()
                kind, value = json.loads(line)
                if kind == "metric":
                    on_metric(Metric(**value))
                elif kind == "step":
                    on_step(*value)
                elif kind == "problems":
                    raise UnusableInput.from_json(value)
                else:
                    result = result_from_json(value)
            if ended:
                return result
            time.sleep(0.02)


def result_from_json(value: dict[str, Any]) -> TrainResult:
    """A TrainResult that was written as JSON."""
    named = ("lora_modules", "warnings")
    tuples: dict[str, Any] = {name: tuple(value[name]) for name in named if name in value}
    return TrainResult(**{**value, "model": Path(value["model"]), **tuples})


def _ended(code: int, log: Path) -> Problem:
    last = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
    if code in (-9, 137):
        what = "the training was killed from outside, most likely because memory ran out"
        return Problem(what, cure=f"{LESS}; it goes on where it was")
    return Problem(f"the training ended with exit code {code}", found=last or "no output")

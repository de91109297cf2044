"""Where a training stands, as safetensors and JSON: no pickle is written or read."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from erniekit_finetuning.engines.trainable import Arrays, Trainable
from erniekit_finetuning.files import written_whole


@dataclass
class Progress:
    """What the loop must know to go on as if it had never stopped."""

    step: int = 0
    seconds: float = 0.0
    tokens: int = 0
    window_loss: float = 0.0
    window_tokens: int = 0
    last_loss: float = float("nan")
    best_step: int = 0
    best_eval_loss: float | None = None
    evaluations_without_gain: int = 0
    stopped_early: bool = False


def save_checkpoint(folder: Path, trainable: Trainable, progress: Progress) -> None:
    """Write weights, optimizer and progress to `folder`, whole or not at all."""
    with written_whole(folder) as aside:
        aside.mkdir()
        save_arrays(aside / "weights.safetensors", trainable.weights())
        save_arrays(aside / "optimizer.safetensors", trainable.optimizer_state())
        state = json.dumps(asdict(progress), indent=2)
        (aside / "progress.json").write_text(state, encoding="utf-8")


def load_checkpoint(folder: Path, trainable: Trainable) -> Progress:
    """Put a checkpoint's weights and optimizer state in place; return its progress."""
    trainable.set_weights(load_file(folder / "weights.safetensors"))
    trainable.set_optimizer_state(load_file(folder / "optimizer.safetensors"))
    return Progress(**json.loads((folder / "progress.json").read_text(encoding="utf-8")))


def save_arrays(file: Path, arrays: Arrays) -> None:
    """Write arrays as safetensors, whole or not at all."""
    with written_whole(file) as aside:
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, aside)


def newest(checkpoints: Path) -> Path | None:
    """The checkpoint to go on from, if there is any."""
    return max(checkpoints.glob("step-*"), key=step_of, default=None)


def best_file(checkpoints: Path, step: int) -> Path:
    """Where the best weights are, found at `step`."""
    return checkpoints / f"best-{step:06d}.safetensors"


def prune(checkpoints: Path, keep: int, best_step: int) -> None:
    """Remove all but the newest `keep` checkpoints, and every best but the current one."""
    for folder in sorted(checkpoints.glob("step-*"), key=step_of)[:-keep]:
        shutil.rmtree(folder)
    for file in checkpoints.glob("best-*.safetensors"):
        if step_of(file) != best_step:
            file.unlink()


def forget_after(checkpoints: Path, step: int) -> None:
    """Remove best weights found after `step`; they will be found again."""
    for file in checkpoints.glob("best-*.safetensors"):
        if step_of(file) > step:
            file.unlink()


def step_of(path: Path) -> int:
    """The step a checkpoint's name carries."""
    found = re.search(r"-(\d+)", path.name)
    return int(found.group(1)) if found else -1

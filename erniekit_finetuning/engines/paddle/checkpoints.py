"""Where a training stands, as safetensors and JSON: no pickle is written or read."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file, save_file

from erniekit_finetuning.engines.paddle.runtime import import_paddle
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


def trained_weights(model: Any) -> dict[str, Any]:
    """The tensors training changes, by their path in the model."""
    return {name: weight for name, weight in model.named_parameters() if not weight.stop_gradient}


def save_checkpoint(folder: Path, model: Any, optimizer: Any, progress: Progress) -> None:
    """Write weights, optimizer and progress to `folder`, whole or not at all."""
    with written_whole(folder) as aside:
        aside.mkdir()
        save_weights(aside / "weights.safetensors", trained_weights(model))
        save_weights(aside / "optimizer.safetensors", _optimizer_state(model, optimizer))
        state = json.dumps(asdict(progress), indent=2)
        (aside / "progress.json").write_text(state, encoding="utf-8")


def load_checkpoint(folder: Path, model: Any, optimizer: Any) -> Progress:
    """Put a checkpoint's weights and optimizer state in place; return its progress."""
    paddle = import_paddle()
    load_weights(folder / "weights.safetensors", model)
    state: dict[str, Any] = {}
    names = {path: weight.name for path, weight in trained_weights(model).items()}
    for key, value in load_file(folder / "optimizer.safetensors").items():
        kind, path, rest = key.split("|")
        tensor = paddle.to_tensor(value)
        if kind == "master":
            state.setdefault("master_weights", {})[names[path]] = tensor
        else:
            state[names[path] + rest] = tensor
    optimizer.set_state_dict(state)
    return Progress(**json.loads((folder / "progress.json").read_text(encoding="utf-8")))


def save_weights(file: Path, weights: dict[str, Any]) -> None:
    """Write tensors as safetensors, in float32, which holds bfloat16 exactly."""
    arrays = {name: weight.astype("float32").numpy() for name, weight in weights.items()}
    with written_whole(file) as aside:
        save_file(arrays, aside)


def load_weights(file: Path, model: Any) -> None:
    """Put saved weights back into the model's trained parameters."""
    paddle = import_paddle()
    saved = load_file(file)
    for name, weight in trained_weights(model).items():
        weight.set_value(paddle.to_tensor(saved[name]).astype(weight.dtype))


def newest(checkpoints: Path) -> Path | None:
    """The checkpoint to go on from, if there is any."""
    return max(checkpoints.glob("step-*"), key=step_of, default=None)


def prune(checkpoints: Path, keep: int, best_step: int) -> None:
    """Remove all but the newest `keep` checkpoints, and every best but the current one."""
    for folder in sorted(checkpoints.glob("step-*"), key=step_of)[:-keep]:
        shutil.rmtree(folder)
    for file in checkpoints.glob("best-*.safetensors"):
        if step_of(file) != best_step:
            file.unlink()


def step_of(path: Path) -> int:
    """The step a checkpoint's name carries."""
    found = re.search(r"-(\d+)", path.name)
    return int(found.group(1)) if found else -1


def _optimizer_state(model: Any, optimizer: Any) -> dict[str, Any]:
    # Paddle keys its state by names counted per process; paths in the model last longer.
    paths = {weight.name: path for path, weight in trained_weights(model).items()}
    flat: dict[str, Any] = {}
    for key, value in optimizer.state_dict().items():
        if key == "master_weights":
            flat |= {f"master|{paths[name]}|": tensor for name, tensor in value.items()}
            continue
        for name, path in paths.items():
            if key.startswith(f"{name}_"):
                flat[f"state|{path}|{key.removeprefix(name)}"] = value
    return flat

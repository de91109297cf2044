"""What a killed pre-training goes on from: weights and moments in safetensors, the rest in JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from erniekit_finetuning.files import written_whole


def save(folder: Path, model: Any, optimizers: Sequence[Any], state: dict[str, float]) -> None:
    """Replace the checkpoint by this one."""
    from safetensors.torch import save_file

    moments = {
        f"{number}.{index}.{name}": value.contiguous()
        for number, optimizer in enumerate(optimizers)
        for index, values in optimizer.state_dict()["state"].items()
        for name, value in values.items()
    }
    weights = {name: value.detach() for name, value in model.named_parameters()}
    with written_whole(folder) as aside:
        aside.mkdir()
        save_file(weights, aside / "weights.safetensors")
        save_file(moments, aside / "optimizers.safetensors")
        (aside / "state.json").write_text(json.dumps(state), encoding="utf-8")


def restore(folder: Path, model: Any, optimizers: Sequence[Any]) -> dict[str, float]:
    """Give model and optimizers what was saved, wherever they are; returns the state."""
    from safetensors.torch import load_file

    model.load_state_dict(load_file(folder / "weights.safetensors"), strict=False)
    wholes = [{**optimizer.state_dict(), "state": {}} for optimizer in optimizers]
    for key, value in load_file(folder / "optimizers.safetensors").items():
        number, index, name = key.split(".")
        wholes[int(number)]["state"].setdefault(int(index), {})[name] = value
    for optimizer, whole in zip(optimizers, wholes, strict=True):
        optimizer.load_state_dict(whole)
    state: dict[str, float] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    return state

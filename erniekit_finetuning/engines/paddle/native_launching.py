"""ERNIEKit's own file, translated, trained by PaddleFormers into the folder the file names."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import yaml

from erniekit_finetuning.adapters.base_weights import stored_in
from erniekit_finetuning.engines.paddle.launching import SILENCE, launch_command, model_for
from erniekit_finetuning.engines.paddle.upstream_process import Stopped, UpstreamProcess
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.files import write_json, write_text
from erniekit_finetuning.native_recipe import Native
from erniekit_finetuning.recipes.models import resolve_model
from erniekit_finetuning.recipes.translation.shared import Device, upstream_path_problems


def launch_native(native: Native, say: Callable[[str], None]) -> Path:
    """Train and give the output folder, where upstream leaves its adapter.

    Raises UnusableInput when the model's weights have ERNIEKit's names, and as `launch` does.
    """
    settings = dict(native.settings)
    output = Path(settings["output_dir"]).resolve()
    base = resolve_model(str(settings["model_name_or_path"]))
    if any(name.startswith("ernie.") for name in stored_in(base)):
        cure = "take the -PT weights, or install ERNIEKit 1.0.1 in an environment of its own"
        what = "these weights have ERNIEKit's names, which PaddleFormers leaves at random values"
        raise UnusableInput(Problem(what, str(base), field="model_name_or_path", cure=cure))
    folder = output / "upstream"
    if problems := upstream_path_problems([folder]):
        raise UnusableInput(problems)
    folder.mkdir(parents=True, exist_ok=True)
    device: Device = "cpu" if settings["device"] == "cpu" else "gpu"
    model_for(base, folder / "model", device)
    settings |= {"model_name_or_path": str(folder / "model"), "output_dir": str(output)}
    for key in ("train_dataset_path", "eval_dataset_path"):
        if key in settings:
            names = str(settings[key]).split(",")
            settings[key] = ",".join(str(Path(name).resolve()) for name in names)
    write_text(folder / "config.yaml", yaml.safe_dump(settings, sort_keys=False))
    write_json(
        folder / "beyond.json",
        {
            "lora": native.lora,
            "progress": str(folder / "progress.jsonl"),
            "best": str(folder / "best"),
            "keep_best": False,
            "patience": None,
            "threshold": 0.0,
        },
    )
    devices = _devices(native, device)
    process = UpstreamProcess(launch_command(devices, device, folder, os.environ), folder)
    try:
        process.follow(
            lambda metric: say(f"step {metric.step}: loss {metric.loss or metric.eval_loss:.3f}"),
            lambda done, total: None,
            SILENCE,
        )
    except Stopped as error:
        raise UnusableInput(error.problem) from error
    return output


def _devices(native: Native, device: Device) -> int:
    """As ERNIEKit: every device that is visible, on a CPU one process."""
    if device == "cpu":
        return 1
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if seen:
        return len(seen.split(",")) * int(os.environ.get("NNODES", "1"))
    from erniekit_finetuning.engines.paddle.runtime import import_paddle

    count = int(import_paddle().device.cuda.device_count())
    return max(1, count) * int(os.environ.get("NNODES", "1"))

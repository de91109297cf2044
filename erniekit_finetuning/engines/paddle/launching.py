"""Train with PaddleFormers' own trainer in processes of its own.

For what the engine's loop does not do: mixtures of experts, models with images, matrices, layers
and experts spread over GPUs, sharded optimizers, weights in 8 and 4 bits. Everything that a run
needs or says lies in `RUN/upstream`: config.yaml (also good for `paddleformers-cli train`),
beyond.json, the data, log.txt and the logs of each process.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from erniekit_finetuning.engines.locating import record_base
from erniekit_finetuning.engines.model_files import link_model
from erniekit_finetuning.engines.paddle.upstream_process import (
    Stopped,
    UpstreamProcess,
)
from erniekit_finetuning.engines.prompting import prompting_of, write_prompting
from erniekit_finetuning.engines.protocol import Example, Metric
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.files import write_json, write_jsonl, write_text, written_whole
from erniekit_finetuning.recipes.architecture import Architecture, architecture_in
from erniekit_finetuning.recipes.model import Recipe
from erniekit_finetuning.recipes.translation.paddleformers import to_paddleformers
from erniekit_finetuning.recipes.translation.paddleformers_limits import (
    paddleformers_problems,
    target_patterns,
)
from erniekit_finetuning.recipes.translation.shared import Device, Files, upstream_path_problems

WORKER = Path(__file__).resolve().with_name("upstream_worker.py")
_LAST = "scheduler.pdparams"  # what upstream writes last into a checkpoint
SILENCE = 1800.0  # weights of 50 GB may take a while to come from a disk


@dataclass(frozen=True)
class Launched:
    """What upstream left behind. `adapter` is None on machines other than the first."""

    adapter: Path | None
    steps: int
    train_loss: float
    eval_loss: float | None
    best_step: int
    stopped_early: bool
    seconds: float


def launch(
    recipe: Recipe,
    base: Path,
    train: Sequence[Example],
    validation: Sequence[Example],
    run: Path,
    on_metric: Callable[[Metric], None],
    on_step: Callable[[int, int], None],
    device: Device,
    silence: float = SILENCE,
) -> Launched:
    """Train `recipe` on the model in `base` into `run/adapter`; a killed training goes on.

    Raises UnusableInput when upstream cannot do what the recipe says, when it leaves out a row,
    says nothing for `silence` seconds, or fails, with its last words. Ends all that it started.
    """
    architecture = architecture_in(base)
    folder = (run / "upstream").resolve()
    held = folder / "validation.jsonl" if validation else None
    files = Files(str(folder / "model"), folder / "train.jsonl", held, folder / "output")
    problems = paddleformers_problems(recipe, architecture, device)
    problems += upstream_path_problems([folder])
    if problems:
        raise UnusableInput(problems)
    folder.mkdir(parents=True, exist_ok=True)
    model_for(base, folder / "model", device)
    _drop_torn(folder / "output")
    system = recipe.data.system_prompt
    write_jsonl(files.train, (row_of(example, system) for example in train))
    if held is not None:
        write_jsonl(held, (row_of(example, system) for example in validation))
    config = to_paddleformers(recipe, architecture, files, device)
    write_text(folder / "config.yaml", yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
    write_json(folder / "beyond.json", beyond(recipe, architecture, folder))
    started = time.monotonic()
    process = UpstreamProcess(
        launch_command(recipe.parallel.devices, device, folder, os.environ), folder
    )
    try:
        train_loss, steps = process.follow(on_metric, on_step, silence)
    except Stopped as error:
        raise UnusableInput(error.problem) from error
    seconds = time.monotonic() - started
    first = int(os.environ.get("RANK", "0")) == 0
    record = _record(folder)
    return Launched(
        adapter=_collect(recipe, base, folder, run / "adapter") if first else None,
        steps=steps,
        train_loss=train_loss,
        eval_loss=record.get("eval_loss"),
        best_step=int(record.get("step") or steps),
        stopped_early=bool(record.get("stopped")),
        seconds=seconds,
    )


def model_for(base: Path, folder: Path, device: Device) -> None:
    """Give upstream the model through links, with what a CPU needs in its config.json."""
    with written_whole(folder) as aside:
        aside.mkdir()
        link_model(base, aside)
        if device == "cpu":
            # The fused kernel exists on GPUs only, and the choice is taken from here alone.
            config = json.loads((base / "config.json").read_text(encoding="utf-8"))
            (aside / "config.json").unlink()
            write_json(aside / "config.json", config | {"fuse_rms_norm": False})


def row_of(example: Example, system: str | None) -> dict[str, Any]:
    """An example in the format `messages`; answers that are not learnt carry the label 0."""
    turns = [{"role": turn.role, "content": turn.content} for turn in example.messages]
    if system is not None and turns[0]["role"] != "system":
        turns.insert(0, {"role": "system", "content": system})
    row: dict[str, Any] = {"messages": turns}
    labels = [int(turn.trained) for turn in example.messages if turn.role == "assistant"]
    if not all(labels):
        row["label"] = labels
    if example.images:
        row["images"] = [str(Path(image).resolve()) for image in example.images]
    return row


def beyond(recipe: Recipe, architecture: Architecture, folder: Path) -> dict[str, Any]:
    """What upstream's command line has no key for, for the worker."""
    lora, training = recipe.lora, recipe.training
    return {
        "lora": {
            "r": lora.r,
            "lora_alpha": lora.lora_alpha,
            "lora_dropout": lora.lora_dropout,
            "rslora": lora.use_rslora,
            "target_modules": target_patterns(recipe, architecture),
        },
        "progress": str(folder / "progress.jsonl"),
        "best": str(folder / "best"),
        "keep_best": training.load_best_model_at_end,
        "patience": training.early_stopping_patience,
        "threshold": training.early_stopping_threshold,
    }


def launch_command(
    devices: int, device: Device, folder: Path, environment: Mapping[str, str]
) -> list[str]:
    """One process for each device of this machine; NNODES, MASTER_ADDR, MASTER_PORT and RANK tell
    of several machines. Raises UnusableInput when these and the devices do not fit."""
    worker = [str(WORKER), str(folder / "config.yaml"), str(folder / "beyond.json")]
    nodes = int(environment.get("NNODES", "1"))
    if devices % nodes:
        raise UnusableInput(
            Problem(
                "the devices do not spread evenly over the machines",
                field="parallel",
                found=f"{devices} devices, NNODES={nodes}",
            )
        )
    here = devices // nodes
    if devices == 1:
        return [sys.executable, *worker]
    command = [sys.executable, "-m", "paddle.distributed.launch", "--log_dir", str(folder / "logs")]
    if nodes > 1:
        master = f"{environment.get('MASTER_ADDR', '127.0.0.1')}:"
        master += environment.get("MASTER_PORT", "8080")
        command += ["--nnodes", str(nodes), "--master", master]
        command += ["--rank", environment.get("RANK", "0")]
    if device == "cpu":
        return [*command, "--nproc_per_node", str(here), "--backend", "gloo", *worker]
    seen = environment.get("CUDA_VISIBLE_DEVICES", "")
    names = seen.split(",") if seen else [str(number) for number in range(here)]
    if len(names) < here:
        cure = "name as many in CUDA_VISIBLE_DEVICES, or lower parallel"
        what = "too few devices are visible"
        raise UnusableInput(
            Problem(what, field="parallel", found=seen, expected=f"{here}", cure=cure)
        )
    return [*command, "--devices", ",".join(names[:here]), *worker]


def _record(folder: Path) -> dict[str, Any]:
    file = folder / "best.json"
    if not file.is_file():
        return {}
    record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return record


def _drop_torn(output: Path) -> None:
    """Remove checkpoints that a killed training left half written: upstream goes on from the
    newest, whole or not."""
    for checkpoint in output.glob("checkpoint-*"):
        if not any(checkpoint.glob("saved_signal_*")) or not (checkpoint / _LAST).exists():
            shutil.rmtree(checkpoint)


def _collect(recipe: Recipe, base: Path, folder: Path, adapter: Path) -> Path:
    """Bring the adapter's files, and these alone, to their place, and drop upstream's others."""
    best = folder / "best"
    source = best if best.is_dir() else folder / "output"
    wanted = re.compile(r"lora_config\.json|peft_model.*\.safetensors(\.index\.json)?")
    found = sorted(file for file in source.glob("*") if wanted.fullmatch(file.name))
    names = {file.name for file in found}
    if "lora_config.json" not in names or not any(name.endswith(".safetensors") for name in names):
        what = "upstream ended well but left no whole adapter"
        listed = ", ".join(sorted(names)) or "none of its files"
        expected = "lora_config.json and peft_model*.safetensors"
        raise UnusableInput(Problem(what, file=str(source), found=listed, expected=expected))
    with written_whole(adapter) as aside:
        aside.mkdir()
        for file in found:
            shutil.copyfile(file, aside / file.name)
        config = json.loads((aside / "lora_config.json").read_text(encoding="utf-8"))
        config["base_model_name_or_path"] = recipe.model.name_or_path
        write_json(aside / "lora_config.json", config)
        record_base(aside, recipe.model.name_or_path, base)
        write_prompting(aside, prompting_of(recipe.data))
    # Upstream pickles its checkpoints, which hold the whole model, and an index of the weights.
    for leftover in (best, folder / "output", folder / "model"):
        shutil.rmtree(leftover, ignore_errors=True)
    return adapter

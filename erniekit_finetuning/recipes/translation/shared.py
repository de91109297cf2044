"""What several translations need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from erniekit_finetuning.errors import Problem
from erniekit_finetuning.recipes.model import Recipe

Device = Literal["cpu", "gpu"]


@dataclass(frozen=True)
class Files:
    """What a trainer reads and writes. Without `validation` nothing is evaluated."""

    model: str
    train: Path
    validation: Path | None
    output: Path


def placeholder_files(recipe: Recipe) -> Files:
    """Files to show a translation with, before there are any."""
    validation = Path("validation.jsonl") if recipe.data.holds_out else None
    return Files(recipe.model.name_or_path, Path("train.jsonl"), validation, Path("output"))


def likely_device(recipe: Recipe) -> Device:
    """The device a recipe was written for: what a CPU cannot do needs a GPU."""
    heavy = recipe.precision == "bfloat16" or recipe.model.quantization != "none"
    split = recipe.parallel.tensor * recipe.parallel.pipeline * recipe.parallel.expert > 1
    return "gpu" if heavy or split else "cpu"


def lora_settings(recipe: Recipe) -> dict[str, Any]:
    """An adapter's numbers, which PaddleFormers and ERNIEKit name alike."""
    if not recipe.lora.enabled:
        return {}
    return {
        "lora_rank": recipe.lora.r,
        "lora_alpha": recipe.lora.lora_alpha,
        "rslora": recipe.lora.use_rslora,
        "lora_plus_scale": 1.0,
    }


def optimizer_settings(recipe: Recipe) -> dict[str, Any]:
    """Schedule and optimizer, which PaddleFormers and ERNIEKit name alike."""
    training = recipe.training
    schedule: str = training.lr_scheduler_type
    if schedule == "constant" and (training.warmup_steps or training.warmup_ratio):
        schedule = "constant_with_warmup"
    return {
        "learning_rate": training.learning_rate,
        "lr_scheduler_type": schedule,
        "warmup_steps": training.warmup_steps or 0,
        "warmup_ratio": training.warmup_ratio or 0.0,
        "num_cycles": 0.5,
        "min_lr": 0.0,
        "optim": "adamw",
        "adam_beta1": training.adam_beta1,
        "adam_beta2": training.adam_beta2,
        "adam_epsilon": training.adam_epsilon,
        "weight_decay": training.weight_decay,
        "max_grad_norm": training.max_grad_norm or 0.0,  # upstream clips only above 0
    }


def length_settings(recipe: Recipe) -> dict[str, Any]:
    """How long to train; a fraction of an epoch would make upstream's number of steps one, too."""
    epochs = recipe.training.num_train_epochs
    if epochs is None:
        return {"num_train_epochs": 1, "max_steps": recipe.training.max_steps}
    return {"num_train_epochs": int(epochs), "max_steps": -1}


def cannot(engine: str, field: str, found: object, cure: str, why: str = "") -> Problem:
    """The problem of a key that an engine does not honour."""
    what = f"the {engine} engine cannot do this" + (f": {why}" if why else "")
    return Problem(what, field=field, found=str(found), cure=cure)


def upstream_path_problems(files: Sequence[Path | None]) -> list[Problem]:
    """Paths that upstream's readers would take apart: they hold lists in one string."""
    return [
        Problem(
            "upstream takes a path apart at spaces, commas and #",
            file=str(file),
            cure="choose an output folder whose path has none of them",
        )
        for file in files
        if file is not None and any(sign in str(file) for sign in " ,#")
    ]

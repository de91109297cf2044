"""What several translations need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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
    held = recipe.data.validation_share > 0 or recipe.data.validation_file is not None
    validation = Path("validation.jsonl") if held else None
    return Files(recipe.model.name_or_path, Path("train.jsonl"), validation, Path("output"))


def likely_device(recipe: Recipe) -> Device:
    """The device a recipe was written for: what a CPU cannot do needs a GPU."""
    heavy = recipe.precision == "bfloat16" or recipe.model.quantization != "none"
    split = recipe.parallel.tensor * recipe.parallel.pipeline * recipe.parallel.expert > 1
    return "gpu" if heavy or split else "cpu"


def evaluates(recipe: Recipe) -> bool:
    """Whether anything is held out to judge by."""
    return recipe.data.validation_share > 0 or recipe.data.validation_file is not None


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

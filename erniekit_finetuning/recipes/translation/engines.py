"""Translations by the engine's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from erniekit_finetuning.errors import Problem
from erniekit_finetuning.recipes.architecture import Architecture
from erniekit_finetuning.recipes.model import Recipe
from erniekit_finetuning.recipes.translation.erniekit import to_erniekit
from erniekit_finetuning.recipes.translation.erniekit_limits import erniekit_problems
from erniekit_finetuning.recipes.translation.hugging_face import (
    hugging_face_problems,
    to_hugging_face,
)
from erniekit_finetuning.recipes.translation.paddleformers import to_paddleformers
from erniekit_finetuning.recipes.translation.paddleformers_limits import paddle_problems
from erniekit_finetuning.recipes.translation.shared import Device, Files


@dataclass(frozen=True)
class Translation:
    """How an engine says a recipe, and what it cannot do of one."""

    settings: Callable[[Recipe, Architecture, Files, Device], dict[str, Any]]
    problems: Callable[[Recipe, Architecture, Device], list[Problem]]


TRANSLATIONS: Mapping[str, Translation] = {
    "paddle": Translation(to_paddleformers, paddle_problems),
    "hf": Translation(to_hugging_face, hugging_face_problems),
    "erniekit": Translation(to_erniekit, erniekit_problems),
}

"""Engines by name; an engine's framework is imported only when it works."""

from __future__ import annotations

from pathlib import Path

from erniekit_finetuning.engines.protocol import Engine
from erniekit_finetuning.engines.trainable import Trainable
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.recipes.model import Recipe

ENGINES = ("paddle", "hf")


def get_engine(name: str = "paddle") -> Engine:
    """Give the engine a recipe names. Raises UnusableInput for a name that no engine has."""
    if name == "paddle":
        from erniekit_finetuning.engines.paddle.engine import PaddleEngine

        return PaddleEngine()
    if name == "hf":
        from erniekit_finetuning.engines.hf.engine import HuggingFaceEngine

        return HuggingFaceEngine()
    if name == "erniekit":
        cure = "start it with `erniekit train --config RECIPE`, where ERNIEKit is installed"
        raise UnusableInput(Problem("ERNIEKit trains by itself", field="engine", cure=cure))
    expected = ", ".join(ENGINES)
    raise UnusableInput(Problem("no such engine", field="engine", found=name, expected=expected))


def get_trainable(recipe: Recipe, base: Path) -> Trainable:
    """A copy of what `recipe` trains, for a process that helps."""
    if recipe.engine == "paddle":
        from erniekit_finetuning.engines.paddle import engine, trainable

        return trainable.PaddleTrainable(engine.build_model(recipe, base)[0], recipe)
    from erniekit_finetuning.engines.hf import images, models
    from erniekit_finetuning.engines.hf import trainable as torch_trainable
    from erniekit_finetuning.engines.locating import sees_images

    model, _ = models.build_model(recipe, base)
    seen = images.Images.of(base, models.load_tokenizer(base)) if sees_images(base) else None
    return torch_trainable.TorchTrainable(model, recipe, seen)

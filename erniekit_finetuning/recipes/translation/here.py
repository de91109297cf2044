"""What the paddle engine does in its own process, and what it hands to PaddleFormers' trainer."""

from __future__ import annotations

from erniekit_finetuning.errors import Problem
from erniekit_finetuning.recipes.architecture import Kind
from erniekit_finetuning.recipes.model import Recipe
from erniekit_finetuning.recipes.translation.differences import unlike


def trains_here(recipe: Recipe, kind: Kind) -> bool:
    """Whether our own loop trains it: dense text models, one or several copies of them."""
    parallel = recipe.parallel
    split = parallel.tensor > 1 or parallel.pipeline > 1 or parallel.expert > 1
    quantized = recipe.model.quantization != "none"
    return not (kind is not Kind.TEXT or split or parallel.sharding != "none" or quantized)


def problems(recipe: Recipe, kind: Kind) -> list[Problem]:
    """What our own loop cannot do."""
    found = unlike(recipe, "the paddle engine", [("training.optim", "adamw", "the hf engine does")])
    if not recipe.lora.enabled and recipe.model.dtype == "bfloat16":
        cure = "set model.dtype: float32 and training.precision: bfloat16"
        what = "weights trained whole in bfloat16 lose small updates"
        found.append(Problem(what, field="model.dtype", found="bfloat16", cure=cure))
    return found

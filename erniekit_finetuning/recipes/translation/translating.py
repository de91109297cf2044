"""A recipe for an engine: its words, or everything that stands against it."""

from __future__ import annotations

from typing import Any

from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.recipes.architecture import Kind, kind_of
from erniekit_finetuning.recipes.model import EngineName, Recipe
from erniekit_finetuning.recipes.translation import erniekit, here, hugging_face, paddleformers
from erniekit_finetuning.recipes.translation.files import Files


def translate(recipe: Recipe, engine: EngineName, files: Files | None = None) -> dict[str, Any]:
    """The recipe in an engine's words. Raises UnusableInput with all that it cannot do."""
    kind = check(recipe, engine)
    held_out = recipe.data.validation_share > 0 or recipe.data.validation_file is not None
    files = files or Files(validation="validation.jsonl" if held_out else None)
    if engine == "hf":
        return hugging_face.to_hugging_face(recipe, kind, files)
    if engine == "erniekit":
        return erniekit.to_erniekit(recipe, kind, files)
    return paddleformers.to_paddleformers(recipe, kind, files)


def check(recipe: Recipe, engine: EngineName) -> Kind:
    """The kind of the recipe's model. Raises UnusableInput with all that an engine cannot do."""
    kind = kind_of(recipe.model)
    if kind is None:
        expected, name = ", ".join(one.value for one in Kind), recipe.model.name_or_path
        what = "is no model that the engines know"
        raise UnusableInput(Problem(what, None, None, "model.name_or_path", name, expected))
    if engine == "hf":
        found = hugging_face.problems(recipe, kind)
    elif engine == "erniekit":
        found = erniekit.problems(recipe, kind)
    elif here.trains_here(recipe, kind):
        found = here.problems(recipe, kind)
    else:
        found = paddleformers.problems(recipe, kind)
    if found:
        raise UnusableInput(found)
    return kind

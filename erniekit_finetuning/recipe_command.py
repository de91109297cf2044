"""`ernie-invoice recipe show`: what a recipe says, and what an engine makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer
import yaml

from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.recipes.loading import dump_recipe, load_recipe
from erniekit_finetuning.recipes.model import EngineName
from erniekit_finetuning.recipes.translation.translating import translate
from erniekit_finetuning.shipped import shipped

recipe_app = typer.Typer(help="Look at a recipe.", no_args_is_help=True)


@recipe_app.callback()
def _recipe() -> None:
    """Keep `show` a command of its own, though it is the only one."""


@recipe_app.command("show")
def show(
    config: Annotated[Path, typer.Argument(help="Recipe, configs/ernie-4.5-tiny/invoice.yaml.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="e.g. training.max_steps=20")
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help="paddle (as PaddleFormers' YAML), hf or erniekit.")
    ] = None,
) -> None:
    """Print a recipe with every default filled in, or its translation for an engine."""
    recipe = load_recipe(shipped(config), overrides or [])
    if engine is None:
        print(dump_recipe(recipe), end="")
        return
    names: dict[str, EngineName] = {name: name for name in get_args(EngineName)}
    if engine not in names:
        expected = ", ".join(names)
        raise UnusableInput(
            Problem("no such engine", field="--engine", found=engine, expected=expected)
        )
    print(yaml.safe_dump(translate(recipe, names[engine]), sort_keys=False), end="")

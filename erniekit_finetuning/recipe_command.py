"""`ernie-invoice recipe`: a recipe as resolved, as an engine is told it, and as a run used it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
import yaml

from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.recipes.architecture import architecture_of
from erniekit_finetuning.recipes.loading import dump_recipe, load_recipe
from erniekit_finetuning.recipes.translation.engines import TRANSLATIONS
from erniekit_finetuning.recipes.translation.paddleformers_limits import (
    dropped_by_command_line,
    needs_upstream,
    paddleformers_problems,
)
from erniekit_finetuning.recipes.translation.shared import (
    Device,
    likely_device,
    placeholder_files,
)
from erniekit_finetuning.settings_in_use import as_table, settings_in_use
from erniekit_finetuning.shipped import shipped

recipe = typer.Typer(help="What a recipe says.", no_args_is_help=True)


@recipe.command("show")
def show(
    config: Annotated[Path, typer.Argument(help="e.g. configs/ernie-4.5-tiny/invoice.yaml")],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="e.g. lora.r=8")
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help="Say it in the words of paddle, hf or erniekit.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="cpu or gpu; by default what the recipe needs.")
    ] = None,
) -> None:
    """Print a recipe with every default, or an engine's translation of it, as YAML.

    What the engine cannot do is said on stderr; then the exit code is 2.
    """
    resolved = load_recipe(shipped(config), overrides or [])
    if engine is None:
        print(dump_recipe(resolved), end="")
        return
    if engine not in TRANSLATIONS:
        expected = ", ".join(TRANSLATIONS)
        raise UnusableInput(
            Problem("no such engine", field="--engine", found=engine, cure=expected)
        )
    where = _device(device) or likely_device(resolved)
    architecture = architecture_of(resolved.model.name_or_path)
    translation = TRANSLATIONS[engine]
    settings = translation.settings(resolved, architecture, placeholder_files(resolved), where)
    print(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True), end="")
    if engine == "paddle":
        for dropped in dropped_by_command_line(resolved):
            print(f"note: paddleformers-cli alone would drop {dropped}", file=sys.stderr)
        if not needs_upstream(resolved, architecture):
            # Our own loop trains this; the translation is for whoever compares.
            for other in paddleformers_problems(resolved, architecture, where):
                print(f"note: for PaddleFormers' own trainer: {other}", file=sys.stderr)
    problems = translation.problems(resolved, architecture, where)
    if problems:
        raise UnusableInput(problems)


@recipe.command("used")
def used(run: Annotated[Path, typer.Argument(help="A finished run.")]) -> None:
    """Print each setting of a run's recipe beside what was used, as Markdown.

    Exit 1 when one was not kept.
    """
    settings = settings_in_use(run)
    print(as_table(settings), end="")
    if not all(setting.agrees for setting in settings):
        raise typer.Exit(1)


def _device(name: str | None) -> Device | None:
    devices: dict[str | None, Device | None] = {None: None, "cpu": "cpu", "gpu": "gpu"}
    if name in devices:
        return devices[name]
    raise UnusableInput(
        Problem("no such device", field="--device", found=name, expected="cpu, gpu")
    )

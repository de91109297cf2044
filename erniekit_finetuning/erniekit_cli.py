"""`erniekit train`: recipes of ours, and ERNIEKit's own files.

    erniekit train --config RECIPE.yaml --dataset pairs.jsonl --output-dir runs/mine
    erniekit train FILE.yaml [key=value ...]

A recipe runs on the engine it names. A file of ERNIEKit's goes to ERNIEKit where that is installed,
else to PaddleFormers, its continuation, with its keys translated; what is done is said.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from erniekit_finetuning.console import messages, run
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.files import write_text
from erniekit_finetuning.native_keys import to_paddleformers_keys
from erniekit_finetuning.train_ernie_lora import train_ernie_lora

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
OFFICIAL = [sys.executable, "-m", "erniekit.cli"]
PADDLEFORMERS = [sys.executable, "-m", "paddleformers.cli.launcher"]


@app.callback()
def _erniekit() -> None:
    """Train ERNIE models."""


@app.command("train")
def train(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[CONFIG] [KEY=VALUE]...", help="File, overrides.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Recipe, or a file of ERNIEKit's.")] = None,
    dataset: Annotated[Path | None, typer.Option(help="Pairs, for a recipe.")] = None,
    output_dir: Annotated[Path | None, typer.Option(help="Run folder, for a recipe.")] = None,
) -> None:
    """Train what a file says."""
    given = list(arguments or [])
    if config is None:
        if not given or "=" in given[0]:
            raise UnusableInput(Problem("no file is named", cure="erniekit train --config FILE"))
        config = Path(given.pop(0))
    values = _read(config)
    if {"model", "training"} <= values.keys():
        _train_recipe(config, given, dataset, output_dir)
        return
    if dataset is not None or output_dir is not None:
        cure = "write train_dataset_path and output_dir into the file"
        raise UnusableInput(Problem("a file of ERNIEKit's names its own", str(config), cure=cure))
    raise typer.Exit(_train_native(config, values, given))


def _train_recipe(
    config: Path, given: list[str], dataset: Path | None, output_dir: Path | None
) -> None:
    plain = dict(pair.split("=", 1) for pair in given if pair.partition("=")[0] in _OURS)
    overrides = [pair for pair in given if pair.partition("=")[0] not in _OURS]
    output = output_dir or plain.get("output_dir")
    if output is None:
        cure = "give --output-dir FOLDER or output_dir=FOLDER"
        raise UnusableInput(Problem("no output folder is named", file=str(config), cure=cure))
    source = dataset or plain.get("dataset")
    messages.print(f"{config}: a recipe of ernie-invoice")
    train_ernie_lora(config, Path(output), Path(source) if source else None, overrides)


_OURS = {"dataset", "output_dir"}


def _train_native(config: Path, values: dict[str, Any], given: list[str]) -> int:
    if official_is_installed():
        messages.print(f"{config}: a file of ERNIEKit's; ERNIEKit trains it")
        return subprocess.call([*OFFICIAL, "train", str(config), *given])
    messages.print(f"{config}: a file of ERNIEKit's; PaddleFormers trains it, its continuation")
    for pair in given:
        key, equals, value = pair.partition("=")
        if not equals:
            raise UnusableInput(Problem("not an override", found=pair, expected="key=value"))
        values[key] = yaml.safe_load(value)
    translated, said = to_paddleformers_keys(values, str(config))
    for line in said:
        messages.print(f"  {line}")
    file = Path(str(translated["output_dir"])) / "paddleformers.yaml"
    write_text(file, yaml.safe_dump(translated, sort_keys=False))
    # Without it PaddleFormers builds an argument of nothing where there is no GPU.
    environment = {"CUDA_VISIBLE_DEVICES": "0"} | os.environ
    return subprocess.call([*PADDLEFORMERS, "train", str(file)], env=environment)


def official_is_installed() -> bool:
    """Whether ERNIEKit itself can be imported here; 1.1 to 1.3 lack the half named ernie."""
    return find_spec("erniekit") is not None and find_spec("ernie") is not None


def _read(config: Path) -> dict[str, Any]:
    from erniekit_finetuning.shipped import shipped

    try:
        values = yaml.safe_load(shipped(config).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise UnusableInput(Problem(f"cannot be read: {error}", file=str(config))) from error
    if not isinstance(values, dict):
        raise UnusableInput(Problem("holds no keys", file=str(config)))
    return values


def main() -> None:
    """Entry point of the `erniekit` command."""
    run(app)


if __name__ == "__main__":
    main()

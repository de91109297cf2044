"""The `erniekit` command: `erniekit train --config C` and `erniekit train C [key=value ...]`.

A recipe of ours is trained by the engine it names. ERNIEKit's own file goes to the official
ERNIEKit where that can be imported, else to PaddleFormers in translated keys; stderr says which.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from erniekit_finetuning.console import messages, run
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.native_recipe import in_paddleformers, is_native, read_native
from erniekit_finetuning.shipped import shipped

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)


@app.callback()
def _verbs() -> None:
    """Fine-tune ERNIE models in ERNIEKit's grammar."""


@app.command("train")
def train(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[CONFIG] [KEY=VALUE ...]", help="As ERNIEKit's.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="A recipe, or ERNIEKit's own YAML.")] = None,
    dataset: Annotated[Path | None, typer.Option(help="Pairs for a recipe of ours.")] = None,
    output_dir: Annotated[Path | None, typer.Option(help="Where the result goes.")] = None,
) -> None:
    """Train what a recipe or a native ERNIEKit file says."""
    rest = list(arguments or [])
    if config is None:
        if not rest or "=" in rest[0]:
            cure = "erniekit train --config C, or erniekit train C [key=value ...]"
            raise UnusableInput(Problem("names no configuration", cure=cure))
        config = Path(rest.pop(0))
    config = shipped(config)
    if is_native(config):
        if output_dir is not None:
            rest.append(f"output_dir={output_dir}")
        if dataset is not None:
            rest.append(f"train_dataset_path={dataset}")
        _train_native(config, rest)
        return
    named = {"dataset": dataset, "output_dir": output_dir}
    for name in named:
        given = [text for text in rest if text.startswith(f"{name}=")]
        if given:
            rest = [text for text in rest if text not in given]
            named[name] = Path(given[-1].partition("=")[2])
    _train_recipe(config, rest, named["dataset"], named["output_dir"])


def _train_recipe(
    config: Path, overrides: list[str], dataset: Path | None, output: Path | None
) -> None:
    from erniekit_finetuning.mixing import read_split
    from erniekit_finetuning.recipes.loading import load_recipe
    from erniekit_finetuning.training import train as train_recipe

    if output is None:
        cure = "give --output-dir FOLDER, or output_dir=FOLDER"
        raise UnusableInput(Problem("nowhere to write to", field="output_dir", cure=cure))
    recipe = load_recipe(config, overrides)
    messages.print(f"a recipe of ernie-invoice, engine {recipe.engine}")
    print(train_recipe(recipe, read_split(recipe, dataset), output, config).model)


def _train_native(config: Path, overrides: list[str]) -> None:
    values = read_native(config, overrides)
    if official_is_importable():
        messages.print("ERNIEKit's own file: handed over to the official ERNIEKit")
        sys.exit(_run_official(config, overrides))
    native = in_paddleformers(config, values)
    messages.print("ERNIEKit's own file, and no ERNIEKit to import: handed over to PaddleFormers")
    for told in native.told:
        messages.print(f"note: {told}")
    from erniekit_finetuning.engines.paddle.native_launching import launch_native

    print(launch_native(native, lambda text: messages.print(text)))


def official_is_importable() -> bool:
    """Whether ERNIEKit's two modules are there: PyPI's `ernie` alone is another project."""
    kit, ernie = find_spec("erniekit"), find_spec("ernie")
    if kit is None or ernie is None or ernie.origin is None:
        return False
    return (Path(ernie.origin).parent / "modeling_moe.py").is_file()


def _run_official(config: Path, overrides: list[str]) -> int:
    programs = str(Path(sys.executable).parent)
    environment = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"}
    # Without it the official command builds an argument of nothing on a machine without GPUs.
    environment.setdefault("CUDA_VISIBLE_DEVICES", "0")
    code = "from erniekit.cli import main; main()"
    command = [sys.executable, "-c", code, "train", str(config), *overrides]
    return subprocess.call(command, env=environment)


def main() -> None:
    """Entry point of the `erniekit` command."""
    run(app)


if __name__ == "__main__":
    main()

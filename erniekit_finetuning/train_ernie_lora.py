"""LoRA-tune an ERNIE model on training pairs.

    python erniekit_finetuning/train_ernie_lora.py --config C --dataset D --output-dir O
    python erniekit_finetuning/train_ernie_lora.py --config configs/ernie-4.5-tiny/invoice.yaml \
        --dataset runs/pairs.jsonl --output-dir runs/mine training.learning_rate=1e-3
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

if __package__ in (None, ""):  # run by path: import from the checkout, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import typer

from erniekit_finetuning.console import messages, run
from erniekit_finetuning.mixing import read_split
from erniekit_finetuning.recipes.loading import load_recipe
from erniekit_finetuning.shipped import shipped
from erniekit_finetuning.training import train


def train_ernie_lora(
    config: Annotated[Path, typer.Option(help="Recipe, e.g. configs/ernie-4.5-tiny/invoice.yaml.")],
    output_dir: Annotated[Path, typer.Option(help="Run folder to write or to go on with.")],
    dataset: Annotated[
        Path | None,
        typer.Option(help="File written by prepare_data.py, unless the recipe has data.sources."),
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="e.g. training.max_steps=20")
    ] = None,
) -> None:
    """Fine-tune the model a recipe names; a killed training goes on with the same command."""
    recipe = load_recipe(shipped(config), overrides or [])
    result = train(recipe, read_split(recipe, dataset), output_dir, config)
    told = [f"{result.steps} steps", f"loss {result.train_loss:.4f}", f"{result.seconds:.0f} s"]
    if result.peak_memory_mb is not None:
        told.append(f"peak memory {result.peak_memory_mb:.0f} MB")
    if result.left_out:
        told.append(f"{result.left_out} examples left out, longer than data.max_seq_len")
    if result.stopped_early:
        told.append("stopped early")
    messages.print(", ".join(told))
    print(result.model)


if __name__ == "__main__":
    run(train_ernie_lora)

"""`ernie-invoice merge` and `ernie-invoice adapter`: what one does with a trained adapter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from erniekit_finetuning.adapters.formats import Form, convert, form_of, read_adapter
from erniekit_finetuning.adapters.merging import merge, merge_unproved
from erniekit_finetuning.chat.prompts import prompt_lines
from erniekit_finetuning.console import messages
from erniekit_finetuning.engines.locating import locate
from erniekit_finetuning.engines.registry import ENGINES, get_engine
from erniekit_finetuning.engines.run_folder import read_run
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.examples import read_examples

adapter_app = typer.Typer(help="Look at an adapter, or convert it.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="A run or adapter folder.")]
Output = Annotated[Path, typer.Option(help="Folder to write; it must not exist.")]
INVOICE = (
    "INVOICE\nNorthwind Tools Ltd\t12 Mill Lane\nInvoice number\tNT-2041\nDate\t2026-03-14\n"
    "Drill\t2\t49.50\t99.00\nTotal\t99.00 EUR\nExtract the invoice as JSON."
)
MOST_PROMPTS = 8
SHOWN_LETTERS = 3000  # of a recorded example: logits of a whole vocabulary are large


def merge_command(
    model: Annotated[Path, typer.Option(help="A run or adapter folder.")],
    output: Output,
    check: Annotated[
        bool, typer.Option(help="Keep the model only when its logits are base's and adapter's.")
    ] = True,
    prompts: Annotated[
        Path | None,
        typer.Option(
            help="Pairs, or a .txt file with a prompt a line; default: the run's own example."
        ),
    ] = None,
    engine: Annotated[str | None, typer.Option(help="paddle or hf; default: the run's.")] = None,
) -> None:
    """Write base and adapter as one model, and prove it by its logits."""
    source = locate(model)
    if not check:
        merge_unproved(source, output)
        messages.print("written without a proof; leave --no-check out to have one")
        print(output)
        return
    saved = read_run(model)
    name = engine or (saved["recipe"]["engine"] if saved else ENGINES[0])
    texts = [INVOICE]
    if prompts is not None:
        texts = _prompts(prompts)[:MOST_PROMPTS]
    elif saved and saved["state"] == "finished":
        texts.append(saved["result"]["shown_example"][:SHOWN_LETTERS])
    largest = merge(source, model, output, texts, get_engine(name).logits)
    messages.print(f"{len(texts)} prompts, largest difference of a logit {largest:.2g}")
    print(output)


@adapter_app.command("show")
def show(folder: Folder) -> None:
    """Print what an adapter holds, as JSON."""
    source = locate(folder)
    adapter = read_adapter(source.trained, source.base)
    told = {
        "form": form_of(source.trained),
        "base": str(source.base),
        "r": adapter.r,
        "lora_alpha": adapter.alpha,
        "use_rslora": adapter.use_rslora,
        "scaling": adapter.scaling,
        "parameters": adapter.parameters,
        "modules": sorted(adapter.updates),
        "whole": sorted(adapter.whole),
    }
    print(json.dumps(told, indent=2))


@adapter_app.command("convert")
def convert_command(
    folder: Folder,
    output: Output,
    to: Annotated[str, typer.Option(help="peft, or paddle for PaddleFormers.")],
) -> None:
    """Write an adapter in PEFT's form or in PaddleFormers'; it computes the same."""
    forms: dict[str, Form] = {"peft": "peft", "paddle": "paddle"}
    if to not in forms:
        raise UnusableInput(
            Problem("no such form", field="--to", found=to, expected="peft, paddle")
        )
    convert(locate(folder), forms[to], output)
    print(output)


def _prompts(file: Path) -> list[str]:
    if file.suffix != ".txt":
        return [example.messages[0].content for example in read_examples(file)]
    return prompt_lines(file)

"""Turn labelled documents into training pairs.

    python erniekit_finetuning/prepare_data.py --active-learning-file F --output O [--images-dir D]
    python erniekit_finetuning/prepare_data.py --manifest M --images-dir D --ground-truth-dir G \
        --output O
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

if __package__ in (None, ""):  # run by path: import from the checkout, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import typer
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from erniekit_finetuning.console import messages, run
from erniekit_finetuning.data.active_learning import read_active_learning
from erniekit_finetuning.data.manifest import read_manifest
from erniekit_finetuning.data.preparing import Summary, prepare
from erniekit_finetuning.data.prompts import Instruction
from erniekit_finetuning.data.record import Record
from erniekit_finetuning.errors import Problem, UnusableInput

COLUMNS = (
    SpinnerColumn(),
    TextColumn("{task.description}"),
    MofNCompleteColumn(),
    TimeElapsedColumn(),
)


def prepare_data(
    output: Annotated[
        Path, typer.Option(help="Pairs file to write: .jsonl, or .json for one array.")
    ],
    active_learning_file: Annotated[
        Path | None, typer.Option(help="JSONL of model outputs and corrections.")
    ] = None,
    manifest: Annotated[
        Path | None, typer.Option(help="JSON array of images and their ground truth.")
    ] = None,
    images_dir: Annotated[
        Path | None, typer.Option(help="Where images are; default: beside the source file.")
    ] = None,
    ground_truth_dir: Annotated[
        Path | None, typer.Option(help="Where ground truth is; default: beside the manifest.")
    ] = None,
    instruction: Annotated[
        Instruction, typer.Option(help="What the answer holds.")
    ] = Instruction.FULL_ANALYSIS,
    trust_unreviewed: Annotated[
        bool,
        typer.Option("--trust-unreviewed", help="Take model outputs nobody reviewed as truth."),
    ] = False,
    no_text: Annotated[
        bool, typer.Option("--no-text", help="Leave out the text that the text route needs.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 when a record is rejected.")
    ] = False,
) -> None:
    """Turn labelled documents into image + conversation pairs."""
    if (active_learning_file is None) == (manifest is None):
        raise UnusableInput(
            Problem("give one source", expected="--active-learning-file F or --manifest M")
        )
    source = active_learning_file or manifest
    assert source is not None
    images = _folder(images_dir, source, "--images-dir")
    truth = _folder(ground_truth_dir, source, "--ground-truth-dir")
    if output.is_dir():
        raise UnusableInput(Problem("--output is a folder", found=str(output), expected="a file"))
    records = (
        read_manifest(source, images, truth)
        if manifest is not None
        else read_active_learning(source, images, trust_unreviewed)
    )
    summary = prepare(_shown(records), output, instruction, with_text=not no_text)
    _report(summary, output)
    if strict and summary.rejected:
        raise typer.Exit(1)


def _folder(given: Path | None, source: Path, option: str) -> Path:
    folder = given or source.parent
    if not folder.is_dir():
        raise UnusableInput(Problem("no such folder", field=option, found=str(folder)))
    return folder


def _shown(records: Iterable[Record]) -> Iterator[Record]:
    with Progress(*COLUMNS, console=messages, transient=True) as progress:
        yield from progress.track(records, description="documents", total=None)


def _report(summary: Summary, output: Path) -> None:
    messages.print(f"{summary.pairs} pairs in {output}")
    if summary.rejected:
        aside = output.with_name(f"{output.stem}.rejected.jsonl")
        messages.print(f"{summary.rejected} records kept aside in {aside}:")
        for reason, count in summary.reasons.most_common():
            messages.print(f"  {count} x {reason}")
    for key, count in summary.ignored.most_common():
        messages.print(f"not carried over, an invoice has no place for it: {key} ({count} x)")


if __name__ == "__main__":
    run(prepare_data)

"""Turn labelled documents and conversations into training pairs.

    python erniekit_finetuning/prepare_data.py --active-learning-file F --output O [--images-dir D]
    python erniekit_finetuning/prepare_data.py --manifest M --images-dir D --ground-truth-dir G \
        --output O                                                        [--schema own.schema.json]
    python erniekit_finetuning/prepare_data.py --data F --format messages --output O
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

if __package__ in (None, ""):  # run by path: import from the checkout, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from erniekit_finetuning.console import messages, run
from erniekit_finetuning.data.building import Building
from erniekit_finetuning.data.formats import FORMATS
from erniekit_finetuning.data.preparing import Summary, prepare, rejected_file, split_file
from erniekit_finetuning.data.prompts import Instruction
from erniekit_finetuning.data.record import Folders
from erniekit_finetuning.data.schemas.own import OwnSchema, read_own_schema
from erniekit_finetuning.data.shards import Plan
from erniekit_finetuning.data.sources.active_learning import LOW_CONFIDENCE, Reading
from erniekit_finetuning.data.splitting import GroupBy
from erniekit_finetuning.data.validating import format_named
from erniekit_finetuning.errors import Problem, UnusableInput

_MOST_REASONS = 12


def prepare_data(
    output: Annotated[Path, typer.Option(help="File to write: .jsonl, or .json for one array.")],
    active_learning_file: Annotated[
        Path | None, typer.Option(help="Model outputs and corrections; shapes may be mixed.")
    ] = None,
    manifest: Annotated[
        Path | None, typer.Option(help="JSON array of images and their ground truth.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(help="Any other file (JSONL, JSON, CSV, Parquet), or a hub's owner/name."),
    ] = None,
    images_dir: Annotated[
        Path | None, typer.Option(help="Folder of the images; default: the source's own.")
    ] = None,
    ground_truth_dir: Annotated[
        Path | None, typer.Option(help="Folder of the ground truth; default: the source's own.")
    ] = None,
    format: Annotated[str, typer.Option(help=" | ".join(FORMATS))] = "pairs",
    instruction: Annotated[
        Instruction | None, typer.Option(help="What the answer holds; default: full_analysis.")
    ] = None,
    schema: Annotated[
        Path | None,
        typer.Option(help="JSON Schema of a shape of your own that truths have and answers get."),
    ] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=SHARE", help="A split of its own: --split test=0.1."),
    ] = None,
    group_by: Annotated[GroupBy, typer.Option(help="What never crosses splits.")] = (
        GroupBy.DOCUMENT
    ),
    seed: Annotated[int, typer.Option(help="Another seed, other splits.")] = 0,
    trust_unreviewed: Annotated[
        bool,
        typer.Option("--trust-unreviewed", help="Take model outputs nobody reviewed as truth."),
    ] = False,
    min_confidence: Annotated[
        float, typer.Option(min=0, max=1, help="Below it a model's output is a guess.")
    ] = LOW_CONFIDENCE,
    no_text: Annotated[
        bool, typer.Option("--no-text", help="Leave out the text that the text route needs.")
    ] = False,
    text_route: Annotated[
        bool,
        typer.Option("--text-route", help="For text models: the text in the place of images."),
    ] = False,
    no_boxes: Annotated[
        bool, typer.Option("--no-boxes", help="Leave out the boxes of the text's words.")
    ] = False,
    no_image_check: Annotated[
        bool, typer.Option("--no-image-check", help="Open no image; needs --no-text.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    ray: Annotated[
        str | None, typer.Option(help="Work on the Ray cluster at this address; local: a new one.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 when a record is rejected.")
    ] = False,
) -> None:
    """Turn labelled documents and conversations into pairs, in the format of an engine."""
    sources = [str(one) for one in (active_learning_file, manifest, data) if one is not None]
    if len(sources) != 1:
        raise UnusableInput(
            Problem(
                "give one source", expected="--active-learning-file F, --manifest M or --data F"
            )
        )
    source = sources[0]
    own = _own_schema(schema, instruction, group_by)
    kind = instruction or Instruction.FULL_ANALYSIS
    chosen = format_named(format)
    if output.suffix == ".json" and not chosen.arrays:
        raise UnusableInput(
            Problem(
                "the engines of this format read one object a line, no array",
                field="--output",
                found=str(output),
                cure=f"name it {output.with_suffix('.jsonl')}",
            )
        )
    if no_image_check and not no_text:
        raise UnusableInput(
            Problem("a text cannot be read from images that are not opened", cure="add --no-text")
        )
    if output.is_dir():
        raise UnusableInput(Problem("--output is a folder", found=str(output), expected="a file"))
    base = Path(source).parent
    plan = Plan(
        folders=Folders(
            images=_folder(images_dir, base, "--images-dir"),
            ground_truth=_folder(ground_truth_dir, base, "--ground-truth-dir"),
            base=base,
            checked=not no_image_check,
        ),
        reading=Reading(trust_unreviewed, min_confidence, kind is not Instruction.EXTRACTION, own),
        building=Building(
            kind=kind,
            text=not no_text,
            boxes=not no_boxes and format == "pairs" and not text_route,
            check_images=not no_image_check,
        ),
        format=format,
        text_route=text_route,
        splits=_splits(split or []),
        group_by=group_by,
        seed=seed,
    )
    columns = (
        SpinnerColumn(),
        TextColumn("{task.completed} records, {task.fields[rate]}/s"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=messages, transient=True) as bar:
        task = bar.add_task("", total=None, rate=0)

        def shown(records: int) -> None:
            bar.advance(task, records)
            bar.update(task, rate=round(bar.tasks[0].completed / (bar.tasks[0].elapsed or 1)))

        summary = prepare(source, output, plan, workers=workers, ray=ray, progress=shown)
    _report(summary, output)
    if strict and summary.rejected:
        raise typer.Exit(1)


def _own_schema(
    path: Path | None, instruction: Instruction | None, group_by: GroupBy
) -> OwnSchema | None:
    """The schema of truths; raises UnusableInput for options that need an invoice's own keys."""
    if path is None:
        return None
    problems = []
    if instruction is not None:
        what = "the answer of a schema of your own is that JSON and nothing else"
        problems.append(Problem(what, field="--instruction", cure="leave it out"))
    if group_by is GroupBy.VENDOR:
        what = "which key of a schema of your own names the vendor is not known"
        problems.append(Problem(what, field="--group-by", cure="group by layout or document"))
    if problems:
        raise UnusableInput(problems)
    return read_own_schema(path)


def _folder(given: Path | None, base: Path, option: str) -> Path:
    folder = given or base
    if not folder.is_dir():
        raise UnusableInput(Problem("no such folder", field=option, found=str(folder)))
    return folder


def _splits(given: list[str]) -> tuple[tuple[str, float], ...]:
    found: dict[str, float] = {}
    for text in given:
        name, _, share = text.partition("=")
        try:
            found[name] = float(share)
        except ValueError:
            found[name] = -1
        if not name.isidentifier() or name in ("train", "rejected") or not 0 < found[name] < 1:
            raise UnusableInput(
                Problem("not a split", field="--split", found=text, expected="such as test=0.1")
            )
    if sum(found.values()) >= 1:
        raise UnusableInput(
            Problem("the splits leave nothing to train on", field="--split", found=", ".join(given))
        )
    return tuple(found.items())


def _report(summary: Summary, output: Path) -> None:
    table = Table(box=None, show_header=False)
    table.add_row("read", f"{summary.read:,}")
    for name, count in summary.pairs.items():
        table.add_row(f"{name}", f"{count:,}", str(split_file(output, name)))
    if summary.rejected:
        table.add_row("rejected", f"{summary.rejected:,}", str(rejected_file(output)))
    messages.print(table)
    for reason, count in summary.reasons.most_common(_MOST_REASONS):
        messages.print(f"  {count} x {reason}")
    if len(summary.reasons) > _MOST_REASONS:
        messages.print(f"  and {len(summary.reasons) - _MOST_REASONS} other reasons")
    for key, count in summary.ignored.most_common(_MOST_REASONS):
        messages.print(f"not carried over, the answer has no place for it: {key} ({count} x)")


if __name__ == "__main__":
    run(prepare_data)

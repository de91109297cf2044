"""Measure a model on test data, alone or beside a baseline.

    python erniekit_finetuning/evaluate.py --model M --test-data T --output R
    python erniekit_finetuning/evaluate.py --model runs/mine --baseline ernie-4.5-tiny \
        --test-data test.jsonl --output runs/mine/evaluation
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

if __package__ in (None, ""):  # run by path: import from the checkout, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from erniekit_finetuning.console import messages, run
from erniekit_finetuning.decoding import Decoding
from erniekit_finetuning.evaluation.comparison import compare
from erniekit_finetuning.evaluation.model_evaluation import evaluate_model
from erniekit_finetuning.evaluation.predictions import MAX_NEW_TOKENS
from erniekit_finetuning.evaluation.report import markdown_report, write_report
from erniekit_finetuning.evaluation.result import Evaluation, output_files
from erniekit_finetuning.evaluation.table import rich_table, verdict
from erniekit_finetuning.files import write_text

COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeElapsedColumn(),
)
BASELINE = "baseline"


def evaluate(
    model: Annotated[
        str, typer.Option(help="Model name, model folder, adapter folder or run folder.")
    ],
    test_data: Annotated[Path, typer.Option(help="Pairs file, as prepare_data.py writes it.")],
    output: Annotated[
        Path, typer.Option(help="Folder for the results, or a .json file with a report beside it.")
    ],
    baseline: Annotated[
        str | None, typer.Option(help="Second model on the same data, to compare with.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N documents.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Documents read side by side.")] = 16,
    max_new_tokens: Annotated[
        int, typer.Option(min=1, help="Longest answer; never more than the model's context leaves.")
    ] = MAX_NEW_TOKENS,
    decoding: Annotated[
        Decoding, typer.Option(help="Values from the document only, or whatever the model says.")
    ] = Decoding.GROUNDED,
    engine: Annotated[str, typer.Option(help="What runs the model.")] = "paddle",
) -> None:
    """Measure a model on test data and write results, predictions and a report."""
    files = output_files(output)
    chosen = [(baseline, BASELINE)] if baseline is not None else []
    evaluations: list[Evaluation] = []
    with Progress(*COLUMNS, console=messages, transient=True) as progress:
        for name, part in [*chosen, (model, "")]:
            task = progress.add_task(part or "model", total=None)
            evaluations.append(
                evaluate_model(
                    name,
                    test_data,
                    output,
                    part=part,
                    engine=engine,
                    batch_size=batch_size,
                    limit=limit,
                    max_new_tokens=max_new_tokens,
                    decoding=decoding,
                    on_done=lambda done, total, task=task: progress.update(  # type: ignore[misc]
                        task, completed=done, total=total
                    ),
                )
            )
    curves = Path(model) / "curves.png"
    write_report(evaluations, files.html, curves)
    write_text(files.markdown, markdown_report(evaluations))
    console = Console(highlight=False)
    console.print(rich_table(evaluations))
    if baseline is not None:
        console.print(verdict(compare(*(one.documents for one in evaluations))), soft_wrap=True)
    messages.print(f"results in {files.results}, report in {files.html}")


if __name__ == "__main__":
    run(evaluate)

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

from erniekit_finetuning.console import messages, run
from erniekit_finetuning.data.prompts import Instruction
from erniekit_finetuning.decoding import Decoding
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.evaluation.contestants import engine_of
from erniekit_finetuning.evaluation.predictions import MAX_NEW_TOKENS
from erniekit_finetuning.evaluation.report import sentences, write_reports
from erniekit_finetuning.evaluation.result import output_files
from erniekit_finetuning.evaluation.running import (
    Options,
    evaluate_answers,
    evaluate_apart,
    evaluate_here,
    opened_for,
)
from erniekit_finetuning.evaluation.table import Compared, compared, rich_table

BASELINE = "baseline"
TEST_DATA = "Pairs in any format, a manifest, reviewed records, or a folder of documents and truth."
MODEL = (
    "Model name, or a model, adapter or run folder (hf:FOLDER for another engine), or the .yaml "
    "of a model behind an API."
)

Limit = Annotated[int | None, typer.Option(min=1, help="Only the first N documents.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Documents read side by side.")]
MaxNewTokens = Annotated[
    int, typer.Option(min=1, help="Longest answer; never more than the model's context leaves.")
]
How = Annotated[
    Decoding,
    typer.Option(help="Values from the document only, preferably from it, or of the shape alone."),
]
Schema = Annotated[
    Path | None,
    typer.Option(help="JSON Schema that answers are held to; default: the model's own."),
]
Metrics = Annotated[
    bool, typer.Option(help="The field's metrics, too: ANLS*, Donut, SROIE, JSON accuracy.")
]


def evaluate(
    output: Annotated[
        Path, typer.Option(help="Folder for the results, or a .json file with a report beside it.")
    ],
    model: Annotated[str | None, typer.Option(help=MODEL)] = None,
    test_data: Annotated[Path | None, typer.Option(help=TEST_DATA)] = None,
    predictions: Annotated[
        Path | None, typer.Option(help="Answers made elsewhere, in the place of --model.")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="Second model on the same data, to compare with.")
    ] = None,
    limit: Limit = None,
    batch_size: BatchSize = 16,
    max_new_tokens: MaxNewTokens = MAX_NEW_TOKENS,
    decoding: How = Decoding.STRICT,
    engine: Annotated[str, typer.Option(help="What runs the model.")] = "paddle",
    schema: Schema = None,
    instruction: Annotated[
        Instruction, typer.Option(help="What is asked where the test data is no file of pairs.")
    ] = Instruction.EXTRACTION,
    metrics: Metrics = True,
) -> None:
    """Measure a model on test data and write results, predictions and reports."""
    options = Options(
        limit, batch_size, max_new_tokens, decoding, engine, schema, instruction, metrics
    )
    if (model is None) == (predictions is None):
        raise UnusableInput(Problem("give one of the two", expected="--model or --predictions"))
    if predictions is not None:
        models = compared([evaluate_answers(predictions, test_data, output, options)])
    elif test_data is None:
        raise UnusableInput(Problem("give the documents to measure on", expected="--test-data"))
    else:
        models = _asked(str(model), baseline, test_data, output, options)
    files = output_files(output)
    write_reports(models, files, Path(model or "") / "curves.png")
    tell(models)
    messages.print(f"results in {files.results}, report in {files.html}")


def _asked(
    model: str, baseline: str | None, test_data: Path, output: Path, options: Options
) -> Compared:
    specs = [model] if baseline is None else [model, baseline]
    data, options = opened_for(specs, test_data, output, options)
    if baseline is None:
        return compared([evaluate_here(model, data, output, options)])
    engines = {engine_of(spec, options.engine) for spec in (model, baseline)}
    first = evaluate_apart if engines == {"paddle", "hf"} else evaluate_here
    base = first(baseline, data, output, options, BASELINE)
    return compared([base, evaluate_here(model, data, output, options)], ("base", "tuned"))


def tell(models: Compared) -> None:
    """Print the scores and what they show."""
    console = Console(highlight=False)
    console.print(rich_table(models))
    for text in sentences(models):
        console.print(text, soft_wrap=True)


if __name__ == "__main__":
    run(evaluate)

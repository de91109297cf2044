"""Compare models on the same documents, or make the report of stored evaluations anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from erniekit_finetuning.console import messages
from erniekit_finetuning.decoding import Decoding
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.evaluate import (
    MODEL,
    TEST_DATA,
    BatchSize,
    How,
    Limit,
    MaxNewTokens,
    Metrics,
    Schema,
    tell,
)
from erniekit_finetuning.evaluation.naming import part_names
from erniekit_finetuning.evaluation.predictions import MAX_NEW_TOKENS
from erniekit_finetuning.evaluation.report import write_reports
from erniekit_finetuning.evaluation.result import (
    Evaluation,
    output_files,
    read_evaluation,
    stored_results,
)
from erniekit_finetuning.evaluation.running import Options, evaluate_apart, opened_for
from erniekit_finetuning.evaluation.table import compared


def compare(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="A B ..",
            help=f"{MODEL} Or the results of an evaluation. The first is the base.",
        ),
    ],
    output: Annotated[Path, typer.Option(help="Folder for results and report.")],
    test_data: Annotated[Path | None, typer.Option(help=TEST_DATA)] = None,
    limit: Limit = None,
    batch_size: BatchSize = 16,
    max_new_tokens: MaxNewTokens = MAX_NEW_TOKENS,
    decoding: How = Decoding.STRICT,
    engine: Annotated[str, typer.Option(help="What runs models that name no engine.")] = "paddle",
    schema: Schema = None,
    metrics: Metrics = True,
) -> None:
    """Say whether models are better or worse than the first, where, and by how much."""
    if len(models) < 2:
        raise UnusableInput(Problem("one model is nothing to compare", expected="two or more"))
    if output.suffix:
        raise UnusableInput(Problem("not a folder", field="--output", found=str(output)))
    options = Options(limit, batch_size, max_new_tokens, decoding, engine, schema, metrics=metrics)
    asked = [spec for spec in models if stored_results(Path(spec)) is None]
    if asked and test_data is None:
        expected = "--test-data, or results of evaluations"
        raise UnusableInput(
            Problem("give the documents", found=", ".join(asked), expected=expected)
        )
    data = None
    if test_data is not None:
        data, options = opened_for(asked, test_data, output, options)
    found: list[Evaluation] = []
    for spec, part in zip(models, part_names(models), strict=True):
        results = stored_results(Path(spec))
        if results is not None:
            found.append(read_evaluation(results))
        elif data is not None:
            messages.print(f"{spec} ..")
            found.append(evaluate_apart(spec, data, output, options, part))
    side = compared(found)
    files = output_files(output)
    write_reports(side, files, _curves(found[-1]))
    tell(side)
    messages.print(f"report in {files.html}, numbers in {files.comparison}")


def report(
    results: Annotated[
        list[Path],
        typer.Argument(help="Folders or .json files of evaluations; the first is the base."),
    ],
    output: Annotated[
        Path | None, typer.Option(help="Where the reports go; left out: beside the last results.")
    ] = None,
) -> None:
    """Write the HTML, Markdown and CSV reports of stored evaluations anew, without a model."""
    found = []
    for path in results:
        stored = stored_results(path)
        if stored is None:
            expected = "a folder with results.json, or a .json of results"
            raise UnusableInput(Problem("no evaluation", file=str(path), expected=expected))
        found.append(read_evaluation(stored))
    models = compared(found)
    files = output_files(output or results[-1])
    write_reports(models, files, _curves(found[-1]))
    tell(models)
    messages.print(f"report in {files.html}")


def _curves(last: Evaluation) -> Path:
    return Path(last.evaluated.model) / "curves.png"

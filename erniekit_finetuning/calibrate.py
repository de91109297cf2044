"""Fit a model's confidence to labelled documents.

ernie-invoice calibrate --model runs/mine --test-data calibration.jsonl
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from erniekit_finetuning.confidence.calibration import (
    Calibration,
    Error,
    calibration_file,
    write_calibration,
)
from erniekit_finetuning.console import messages
from erniekit_finetuning.decoding import Decoding
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.evaluate import TEST_DATA, BatchSize, How, Limit, MaxNewTokens, Schema
from erniekit_finetuning.evaluation.calibrating import Labelled, calibrated
from erniekit_finetuning.evaluation.claims import claims_of
from erniekit_finetuning.evaluation.contestants import contestant, folder_of
from erniekit_finetuning.evaluation.evaluating import answers_of
from erniekit_finetuning.evaluation.predictions import MAX_NEW_TOKENS
from erniekit_finetuning.evaluation.report import reliability_page
from erniekit_finetuning.evaluation.result import output_files
from erniekit_finetuning.evaluation.running import Options, ask_here, opened_for
from erniekit_finetuning.files import write_text

PLOT = "reliability.html"


def calibrate(
    model: Annotated[
        str, typer.Option(help="Run, adapter or model folder (hf:FOLDER for another engine).")
    ],
    test_data: Annotated[
        Path, typer.Option(help=f"{TEST_DATA} Not the ones that the model is measured on later.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(help="Folder for answers and plot; left out: calibration/ in the model's."),
    ] = None,
    limit: Limit = None,
    batch_size: BatchSize = 16,
    max_new_tokens: MaxNewTokens = MAX_NEW_TOKENS,
    decoding: How = Decoding.STRICT,
    engine: Annotated[str, typer.Option(help="What runs the model.")] = "paddle",
    schema: Schema = None,
) -> None:
    """Ask a model labelled documents and fit its confidence: calibration.json beside its weights.

    Prints the calibration as JSON; where it exists, evaluate and extract use it.
    """
    folder = _folder(model, engine)
    options = Options(limit, batch_size, max_new_tokens, decoding, engine, schema, metrics=False)
    results = output or calibration_file(folder).parent / "calibration"
    files = output_files(results)
    data, options = opened_for([model], test_data, results, options)
    evaluated = ask_here(contestant(model, engine), data, results, options)
    plan = options.plan
    found = calibrated(
        (
            Labelled(prediction.prompt_sha256, claims_of(truth, prediction, plan.schema))
            for truth, prediction in answers_of(data, files, plan)
        ),
        evaluated,
        plan.schema_sha256,
    )
    plots = {"raw": found.before, "calibrated, on unseen documents": found.after}
    write_text(files.results.with_name(PLOT), reliability_page(model, plots))
    file = write_calibration(found.calibration, folder)
    messages.print(_told(found.calibration))
    messages.print(f"calibration in {file}, plot in {files.results.with_name(PLOT)}")
    print(found.calibration.model_dump_json(indent=2))


def _folder(model: str, engine: str) -> Path:
    """Raises UnusableInput for a model that has no folder of its own to keep a calibration in."""
    found = folder_of(model, engine)
    if found is not None:
        return found
    raise UnusableInput(
        Problem(
            "only a model in a folder of yours keeps a calibration",
            field="--model",
            found=model,
            cure="name a run, adapter or model folder; of a model by name, a copy of its folder",
        )
    )


def _told(calibration: Calibration) -> str:
    before, after = calibration.error_before, calibration.error_after
    return (
        f"calibration error of values {_percent(before)} before, {_percent(after)} after, on "
        f"documents that the fit did not see ({calibration.documents:,} documents)"
    )


def _percent(error: Error) -> str:
    return f"{100 * error.value:.1f} % ({100 * error.low:.1f} to {100 * error.high:.1f})"

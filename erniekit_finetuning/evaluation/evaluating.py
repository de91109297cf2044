"""Evaluate one model on test data: ask, judge, score, write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from jsonschema.protocols import Validator

from erniekit_finetuning.confidence.calibration import Calibration, calibration_of
from erniekit_finetuning.console import messages
from erniekit_finetuning.data.schemas.own import schema_sha256
from erniekit_finetuning.decoding import Decoding, answer_tree
from erniekit_finetuning.evaluation.asking import Asking, ask_all
from erniekit_finetuning.evaluation.contestants import API, Contestant
from erniekit_finetuning.evaluation.fingerprints import file_sha256
from erniekit_finetuning.evaluation.given import Given, as_predictions
from erniekit_finetuning.evaluation.judging import DocumentResult, judge
from erniekit_finetuning.evaluation.predictions import (
    MAX_NEW_TOKENS,
    Prediction,
    read_predictions,
)
from erniekit_finetuning.evaluation.result import (
    Evaluated,
    Evaluation,
    OutputFiles,
    write_evaluation,
)
from erniekit_finetuning.evaluation.schemas import kinds_of
from erniekit_finetuning.evaluation.test_set import TestSet
from erniekit_finetuning.evaluation.truth import Truth
from erniekit_finetuning.files import write_jsonl

Step = Callable[[int], None]  # how many more are done


@dataclass(frozen=True)
class Plan:
    """How models are asked and judged. `schema`: a JSON Schema that answers must keep.

    `metrics`: the field's metrics, too (see `field_metrics`).
    """

    batch_size: int = 16
    max_new_tokens: int = MAX_NEW_TOKENS
    decoding: Decoding = Decoding.STRICT
    schema: Validator | None = None
    metrics: bool = True

    @property
    def schema_json(self) -> Mapping[str, Any] | None:
        """The schema as JSON."""
        found = None if self.schema is None else self.schema.schema
        return found if isinstance(found, Mapping) else None

    @property
    def schema_sha256(self) -> str | None:
        """What tells it from other schemas; None without one."""
        return None if self.schema_json is None else schema_sha256(self.schema_json)


def evaluate_model(
    model: Contestant,
    data: TestSet,
    files: OutputFiles,
    plan: Plan,
    step: Step = lambda more: None,
) -> Evaluation:
    """Ask `model` every document of `data`, judge the answers, and write predictions and results.

    Answers that an earlier run of the same model stored are kept. `step` follows each one. Where
    the model's folder has a calibration, confidence is calibrated; raises UnusableInput, before
    the model is asked, for one of other weights.
    """
    calibration = None
    if model.folder is not None:
        calibration = calibration_of(model.folder, model.sha256, plan.decoding, plan.schema_sha256)
    evaluated = ask_model(model, data, files, plan, step)
    return judged_evaluation(evaluated, data, files, plan, calibration)


def ask_model(
    model: Contestant,
    data: TestSet,
    files: OutputFiles,
    plan: Plan,
    step: Step = lambda more: None,
) -> Evaluated:
    """Ask every document and store the answers; see `evaluate_model`."""
    # A service takes no bounds on tokens.
    decoding = Decoding.OFF if model.engine == API else plan.decoding
    reader = model.load(plan.batch_size)
    sha256 = f"{model.engine} {model.sha256}"
    held_to = plan.schema_json if model.engine != API else None
    schema = None if held_to is None else answer_tree(held_to)
    how = Asking(sha256, data.path.parent, plan.max_new_tokens, decoding, schema, model.price)
    ask_all(reader, data.pairs(), files.predictions, how, lambda: step(1))
    return _evaluated(model.name, data, plan).model_copy(
        update={
            "model_sha256": model.sha256,
            "engine": model.engine,
            "decoding": decoding,
            "currency": model.currency,
        }
    )


def evaluate_given(
    source: Path, given: Sequence[Given], data: TestSet, files: OutputFiles, plan: Plan
) -> Evaluation:
    """Judge answers that were made elsewhere; see `given`."""
    rows = as_predictions(list(given), [truth.id for truth in data.truths({})])
    write_jsonl(files.predictions, (row.to_json() for row in rows))
    return judged_evaluation(_evaluated(source.name, data, plan), data, files, plan)


def _evaluated(name: str, data: TestSet, plan: Plan) -> Evaluated:
    return Evaluated(
        model=name,
        model_sha256="",
        engine="given",
        decoding=Decoding.OFF,
        data_file=str(data.path),
        data_sha256=file_sha256(data.path),
        limit=data.limit,
        max_new_tokens=plan.max_new_tokens,
    )


def judged_evaluation(
    evaluated: Evaluated,
    data: TestSet,
    files: OutputFiles,
    plan: Plan,
    calibration: Calibration | None = None,
) -> Evaluation:
    """Judge the stored answers and write the results."""
    told = "raw" if calibration is None else "calibrated"
    if calibration is not None and calibration.data_sha256 == evaluated.data_sha256:
        messages.print("the confidence was calibrated on this very data: its error flatters")
    answers = answers_of(data, files, plan)
    return write_evaluation(
        evaluated.model_copy(update={"confidence": told}), judged(answers, plan, calibration), files
    )


def answers_of(data: TestSet, files: OutputFiles, plan: Plan) -> Iterator[tuple[Truth, Prediction]]:
    """Each document's truth with its stored answer."""
    kinds = dict(kinds_of(plan.schema_json))
    stored = islice(read_predictions(files.predictions), data.count)
    return zip(data.truths(kinds), stored, strict=True)


def judged(
    answers: Iterator[tuple[Truth, Prediction]],
    plan: Plan,
    calibration: Calibration | None = None,
) -> Iterator[DocumentResult]:
    """Each document's result."""
    for truth, prediction in answers:
        yield judge(truth, prediction, plan.schema, plan.metrics, calibration)

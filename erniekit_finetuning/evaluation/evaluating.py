"""Evaluate one model on test data: ask, judge, score, write."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, SchemaError
from jsonschema.protocols import Validator

from erniekit_finetuning.decoding import Decoding
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.evaluation.asking import Asking, ask_all
from erniekit_finetuning.evaluation.contestants import Contestant
from erniekit_finetuning.evaluation.fingerprints import file_sha256
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
from erniekit_finetuning.evaluation.test_set import TestSet
from erniekit_finetuning.evaluation.truth import Truth

Step = Callable[[int, int], None]  # done, of


@dataclass(frozen=True)
class Plan:
    """How models are asked and judged. `schema`: a JSON Schema that answers must keep.

    `metrics`: the field's metrics, too (see `field_metrics`).
    """

    batch_size: int = 16
    max_new_tokens: int = MAX_NEW_TOKENS
    decoding: Decoding = Decoding.GROUNDED
    schema: Validator | None = None
    metrics: bool = True


def evaluate_model(
    model: Contestant,
    data: TestSet,
    files: OutputFiles,
    plan: Plan,
    on_done: Step = lambda done, total: None,
) -> Evaluation:
    """Ask `model` every document of `data`, judge the answers, and write predictions and results.

    Answers that an earlier run of the same model stored are kept. `on_done` follows each one.
    """
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        on_done(done, data.count)

    reader = model.load(plan.batch_size)
    how = Asking(
        model.sha256, data.path.parent, plan.max_new_tokens, plan.decoding, model.price
    )
    ask_all(reader, data.pairs(), files.predictions, how, count)
    evaluated = Evaluated(
        model=model.name,
        model_sha256=model.sha256,
        engine=model.engine,
        decoding=plan.decoding,
        data_file=str(data.path),
        data_sha256=file_sha256(data.path),
        limit=data.limit,
        max_new_tokens=plan.max_new_tokens,
        currency=model.currency,
    )
    answers = islice(read_predictions(files.predictions), data.count)
    return write_evaluation(evaluated, judged(data.truths(), answers, plan), files)


def judged(
    truths: Iterator[Truth], predictions: Iterator[Prediction], plan: Plan
) -> Iterator[DocumentResult]:
    """Each document's result; truths and predictions stand in the same order."""
    for truth, prediction in zip(truths, predictions, strict=True):
        yield judge(truth, prediction, plan.schema, plan.metrics)


def read_schema(path: Path) -> Validator:
    """A JSON Schema (2020-12); raises UnusableInput when it cannot be read or is none."""
    try:
        schema: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        Draft202012Validator.check_schema(schema)
    except (OSError, ValueError, SchemaError) as error:
        first = str(error).splitlines()[0]
        raise UnusableInput(
            Problem("is no JSON Schema", file=str(path), found=first[:200])
        ) from error
    return Draft202012Validator(schema)

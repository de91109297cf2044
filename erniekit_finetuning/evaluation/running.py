"""Evaluations as commands run them: with progress, and apart where two engines cannot share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from erniekit_finetuning.console import bar
from erniekit_finetuning.data.prompts import Instruction
from erniekit_finetuning.data.schemas.own import read_validator
from erniekit_finetuning.decoding import Decoding
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.evaluation.contestants import Contestant, contestant, trained_schema
from erniekit_finetuning.evaluation.evaluating import (
    Plan,
    ask_model,
    evaluate_given,
    evaluate_model,
)
from erniekit_finetuning.evaluation.given import read_given, truths_of
from erniekit_finetuning.evaluation.predictions import MAX_NEW_TOKENS
from erniekit_finetuning.evaluation.result import (
    Evaluated,
    Evaluation,
    output_files,
    read_evaluation,
)
from erniekit_finetuning.evaluation.test_data import check_readable, open_test_data
from erniekit_finetuning.evaluation.test_set import TestSet, open_test_set


@dataclass(frozen=True)
class Options:
    """What a command line says of how models are measured; see `evaluate --help`."""

    limit: int | None = None
    batch_size: int = 16
    max_new_tokens: int = MAX_NEW_TOKENS
    decoding: Decoding = Decoding.STRICT
    engine: str = "paddle"
    schema: Path | None = None
    instruction: Instruction = Instruction.EXTRACTION
    metrics: bool = True

    @property
    def plan(self) -> Plan:
        """How models are asked and judged."""
        schema = None if self.schema is None else read_validator(self.schema)
        return Plan(self.batch_size, self.max_new_tokens, self.decoding, schema, self.metrics)

    def arguments(self) -> list[str]:
        """The same on a command line."""
        found = {
            "limit": self.limit,
            "batch-size": self.batch_size,
            "max-new-tokens": self.max_new_tokens,
            "decoding": self.decoding.value,
            "engine": self.engine,
            "schema": self.schema,
        }
        said = [f"--{name}={value}" for name, value in found.items() if value is not None]
        return [*said, "--metrics" if self.metrics else "--no-metrics"]

    def held_for(self, specs: Sequence[str]) -> Options:
        """The same; without a schema, with the one that these models were trained on."""
        if self.schema is not None:
            return self
        return replace(self, schema=trained_schema(specs, self.engine))


def opened(source: Path, output: Path, options: Options) -> TestSet:
    """The test data; what is no file of pairs becomes one beside the results."""
    made = output_files(output).test_data
    with bar("test data", None) as step:
        asked = options.schema or options.instruction
        return open_test_data(source, made, asked, options.limit, step)


def opened_for(
    specs: Sequence[str], source: Path, output: Path, options: Options
) -> tuple[TestSet, Options]:
    """The test data, and the options held to the schema that these models were trained on.

    Test data that is not there is refused before a model is looked for, which may be a download.
    """
    check_readable(source)
    held = options.held_for(specs)
    return opened(source, output, held), held


def evaluate_here(
    spec: str, data: TestSet, output: Path, options: Options, part: str = ""
) -> Evaluation:
    """Evaluate in this process; `part` as in `output_files`."""
    plan = options.plan
    model = contestant(spec, options.engine, plan.schema_json)
    with bar(part or "model", data.count) as step:
        return evaluate_model(model, data, output_files(output, part), plan, step)


def ask_here(model: Contestant, data: TestSet, output: Path, options: Options) -> Evaluated:
    """Only ask, and store the answers."""
    with bar("model", data.count) as step:
        return ask_model(model, data, output_files(output), options.plan, step)


def evaluate_apart(
    spec: str, data: TestSet, output: Path, options: Options, part: str
) -> Evaluation:
    """Evaluate in a process of its own, whose memory is free again afterwards.

    Paddle and torch cannot share a process. Raises UnusableInput when it fails; it has then said
    why on stderr.
    """
    results = output_files(output, part).results
    place = results if output.suffix == ".json" else results.parent
    command = [sys.executable, "-m", "erniekit_finetuning.evaluate", "--model", spec]
    command += ["--test-data", str(data.path), "--output", str(place), *options.arguments()]
    ended = subprocess.run(command, stdout=subprocess.DEVNULL)
    if ended.returncode:
        found = f"exit code {ended.returncode}"
        raise UnusableInput(Problem("the evaluation failed", field=spec, found=found))
    return read_evaluation(results)


def evaluate_answers(
    predictions: Path, source: Path | None, output: Path, options: Options
) -> Evaluation:
    """Judge answers that were made elsewhere, by test data or by the truths that came with them."""
    given = read_given(predictions)
    if source is not None:
        data = opened(source, output, options)
    else:
        made = output_files(output).test_data
        data = open_test_set(truths_of(given, made), options.limit)
    return evaluate_given(predictions, given, data, output_files(output), options.plan)

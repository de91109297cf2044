"""An evaluation as files: what was evaluated on what, the scores, and every match."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.evaluation.counting import Table, tabled
from erniekit_finetuning.evaluation.judging import DocumentResult
from erniekit_finetuning.evaluation.measures import values
from erniekit_finetuning.evaluation.scores import (
    Confusion,
    FieldScores,
    SliceScores,
    Troubles,
    confusions,
    field_scores,
    slice_scores,
    troubles,
)
from erniekit_finetuning.faults import wrong_file
from erniekit_finetuning.files import write_text, written_whole


class Evaluated(BaseModel):
    """One model on one data file.

    `model_sha256`: see `fingerprints`. `data_sha256` and `limit` say which documents. `currency` is
    that of the costs. `confidence`: the model's probability of each value, or what its calibration
    makes of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    model_sha256: str
    engine: str
    decoding: str
    data_file: str
    data_sha256: str
    limit: int | None = None
    max_new_tokens: int
    currency: str | None = None
    confidence: Literal["raw", "calibrated"] = "raw"


class Results(BaseModel):
    """What results.json holds; all scores follow from the matches beside it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[2] = 2
    evaluated: Evaluated
    documents: int
    scores: dict[str, float | None]
    troubles: Troubles
    verdicts: dict[str, Confusion]
    fields: dict[str, FieldScores]
    slices: dict[str, dict[str, SliceScores]]


class OutputFiles(NamedTuple):
    """Where an evaluation's parts go."""

    results: Path
    matches: Path
    predictions: Path
    html: Path
    markdown: Path
    csv: Path
    comparison: Path
    test_data: Path


@dataclass(frozen=True)
class Evaluation:
    """An evaluation at hand: what was evaluated, its counts, and the file of its matches."""

    evaluated: Evaluated
    table: Table
    matches: Path

    def documents(self) -> Iterator[DocumentResult]:
        """Every document's result, from the file."""
        return read_documents(self.matches)

    @property
    def results(self) -> Results:
        """All scores, made of the counts."""
        total = self.table.total()
        return Results(
            evaluated=self.evaluated,
            documents=len(self.table.ids),
            scores=values(total),
            troubles=troubles(total),
            verdicts=confusions(total),
            fields=field_scores(total),
            slices=slice_scores(self.table),
        )


def output_files(output: Path, part: str = "") -> OutputFiles:
    """Files of `--output R`: beside R when it ends with .json, else inside the folder R.

    `part` names a second evaluation of the same run: R.part.json, or R/part/. Raises UnusableInput
    when R is a file but not .json, or a folder named so.
    """
    if output.suffix == ".json":
        if output.is_dir():
            raise UnusableInput(Problem("--output is a folder", found=str(output)))
        stem = output.with_suffix(f".{part}" if part else "")
        ends = (
            ".json", ".matches.jsonl", ".predictions.jsonl", ".html", ".md", ".csv",
            ".comparison.json", ".test_data.jsonl",
        )  # fmt: skip
        return OutputFiles(*(stem.with_name(stem.name + end) for end in ends))
    if output.is_file():
        raise UnusableInput(
            Problem("--output is a file", found=str(output), expected="a folder, or a .json file")
        )
    folder = output / part
    return OutputFiles(
        folder / "results.json",
        folder / "matches.jsonl",
        folder / "predictions.jsonl",
        folder / "report.html",
        folder / "report.md",
        folder / "report.csv",
        folder / "comparison.json",
        folder / "test_data.jsonl",
    )


def stored_results(path: Path) -> Path | None:
    """The results.json of a folder or file of an evaluation, None where it is none."""
    if path.is_dir() and (path / "results.json").is_file():
        return path / "results.json"
    return path if path.is_file() and path.suffix == ".json" else None


def write_evaluation(
    evaluated: Evaluated, documents: Iterable[DocumentResult], files: OutputFiles
) -> Evaluation:
    """Write matches and results, each whole or not at all; documents are not held in memory."""
    table = Table()
    with written_whole(files.matches) as aside, aside.open("wb") as file:
        for document in documents:
            table.add(document)
            line = document.model_dump_json(exclude_none=True, exclude_defaults=True)
            file.write(line.encode() + b"\n")
    evaluation = Evaluation(evaluated, table, files.matches)
    write_text(files.results, evaluation.results.model_dump_json(indent=2) + "\n")
    return evaluation


def read_evaluation(path: Path) -> Evaluation:
    """Read results.json and the matches beside it; scores are counted anew from these.

    Raises UnusableInput when one is missing or is none.
    """
    try:
        results = Results.model_validate_json(path.read_bytes())
    except OSError as error:
        raise _unreadable(path, error) from error
    except ValidationError as error:
        raise _no_result(error, file=str(path)) from error
    name = "matches.jsonl" if path.name == "results.json" else f"{path.stem}.matches.jsonl"
    matches = path.with_name(name)
    return Evaluation(results.evaluated, tabled(read_documents(matches)), matches)


def read_documents(path: Path) -> Iterator[DocumentResult]:
    """The rows of a file of matches; raises UnusableInput naming the line that is none."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    yield DocumentResult.model_validate_json(line)
                except ValidationError as error:
                    raise _no_result(error, file=str(path), line=number) from error
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> UnusableInput:
    cure = "check the path, or evaluate again"
    return UnusableInput(Problem("cannot be read", file=str(path), found=error.strerror, cure=cure))


def _no_result(error: ValidationError, **told: Any) -> UnusableInput:
    return wrong_file(error, "an evaluation result", cure="evaluate again", **told)

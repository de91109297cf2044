"""An evaluation as a file: what was evaluated on what, the scores, and every match."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.evaluation.judging import DocumentResult
from erniekit_finetuning.evaluation.scores import Scores, score
from erniekit_finetuning.files import write_json


class Evaluation(BaseModel):
    """One model on one data file. `scores` follow from `documents`: `score(documents)`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    model: str
    model_sha256: str
    engine: str
    data_file: str
    data_sha256: str
    max_new_tokens: int
    scores: Scores
    documents: tuple[DocumentResult, ...]

    def rescored(self) -> Self:
        """The same evaluation with scores made anew from its matches."""
        return self.model_copy(update={"scores": score(self.documents)})


class OutputFiles(NamedTuple):
    """Where an evaluation's parts go."""

    results: Path
    predictions: Path
    html: Path
    markdown: Path


def output_files(output: Path, part: str = "") -> OutputFiles:
    """Files of `--output R`: beside R when it ends with .json, else inside the folder R.

    `part` names a second evaluation of the same run: R.part.json, or R/part/. Raises UnusableInput
    when R is a file but not .json, or a folder named so.
    """
    if output.suffix == ".json":
        if output.is_dir():
            raise UnusableInput(Problem("--output is a folder", found=str(output)))
        stem = output.with_suffix(f".{part}" if part else "")
        names = (".json", ".predictions.jsonl", ".html", ".md")
        return OutputFiles(*(stem.with_name(stem.name + name) for name in names))
    if output.is_file():
        raise UnusableInput(
            Problem("--output is a file", found=str(output), expected="a folder, or a .json file")
        )
    folder = output / part
    names = ("results.json", "predictions.jsonl", "report.html", "report.md")
    return OutputFiles(*(folder / name for name in names))


def write_evaluation(evaluation: Evaluation, path: Path) -> None:
    """Write results.json, whole or not at all; values that are null are left out of the matches."""
    head = evaluation.model_dump(mode="json", exclude={"documents"})
    documents = [d.model_dump(mode="json", exclude_none=True) for d in evaluation.documents]
    write_json(path, head | {"documents": documents})


def read_evaluation(path: Path) -> Evaluation:
    """Read results.json; raises UnusableInput when it is missing or not one."""
    try:
        return Evaluation.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UnusableInput(
            Problem("cannot be read", file=str(path), found=error.strerror, cure="check the path")
        ) from error
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        field = ".".join(map(str, fault["loc"])) or None
        raise UnusableInput(
            Problem(f"is no evaluation result: {fault['msg']}", file=str(path), field=field)
        ) from error

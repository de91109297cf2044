"""Answers that were made elsewhere, in the shapes in which they are published."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from erniekit_finetuning.data.exact_json import exact_json
from erniekit_finetuning.data.rows import read_rows
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.evaluation.predictions import Prediction
from erniekit_finetuning.files import write_jsonl

# Keys under which an answer, and the truth where a file carries it, stand in the field.
_ANSWERS = ("prediction", "text", "answer", "pred", "output", "completion")
_TRUTHS = ("truth", "ground_truth", "gt", "label")


class Given(NamedTuple):
    """An answer as text, with the document's id and truth where the file has them."""

    id: str | None
    text: str
    truth: str | None


def read_given(path: Path) -> list[Given]:
    """Answers of a file: a row each (JSONL or a JSON array), or Donut's two lists in one object.

    A row has the answer under `prediction` or `text`, as text or as JSON; `id` names the document;
    `ground_truth` may carry the truth. Raises UnusableInput naming the first row without an answer.
    """
    if lists := _two_lists(path):
        answers, truths = lists
        return [
            Given(None, _text(a), _text(unwrapped(t))) for a, t in zip(answers, truths, strict=True)
        ]
    found = []
    for row in read_rows(str(path)):
        value = row.value
        if row.problem is not None or not isinstance(value, Mapping):
            what = row.problem or "not an object"
            raise UnusableInput(Problem(what, file=row.origin))
        answer = next((value[key] for key in _ANSWERS if key in value), None)
        if answer is None and not any(key in value for key in _ANSWERS):
            expected = f"one of {', '.join(_ANSWERS)}"
            raise UnusableInput(Problem("no answer", file=row.origin, expected=expected))
        truth = next((value[key] for key in _TRUTHS if value.get(key) is not None), None)
        name = value.get("id")
        found.append(
            Given(
                None if name is None else str(name),
                _text(answer),
                None if truth is None else _text(unwrapped(truth)),
            )
        )
    return found


def truths_of(given: list[Given], output: Path) -> Path:
    """The truths that came with answers, as a file of pairs; raises UnusableInput without them."""
    if missing := [number for number, one in enumerate(given, start=1) if one.truth is None]:
        raise UnusableInput(
            Problem(
                "answers without truth",
                found=f"{len(missing)} of {len(given)}, the first in row {missing[0]}",
                cure="name the test data, --test-data",
            )
        )
    rows = (
        {
            "id": one.id or f"#{number}",
            "conversations": [
                {"role": "human", "content": "Read the document."},
                {"role": "assistant", "content": one.truth},
            ],
        }
        for number, one in enumerate(given, start=1)
    )
    write_jsonl(output, rows)
    return output


def as_predictions(given: list[Given], ids: list[str]) -> Iterator[Prediction]:
    """An answer for each document of the test set: by id where the answers have one, else in order.

    Raises UnusableInput when answers without ids are not as many as documents. A document that
    nobody answered misses every field.
    """
    named = {one.id: one for one in given if one.id is not None}
    if not named and len(given) != len(ids):
        raise UnusableInput(
            Problem(
                "answers and documents are not as many",
                found=f"{len(given)} answers",
                expected=f"{len(ids)}",
                cure="give every answer the id of its document",
            )
        )
    for number, name in enumerate(ids):
        one = named.get(name) if named else given[number]
        if one is None:
            yield Prediction(name, "", error="no answer was given")
        else:
            yield Prediction(name, "", one.text, finished=True)


def _two_lists(path: Path) -> tuple[list[Any], list[Any]] | None:
    """What Donut's own test writes: {"predictions": [..], "ground_truths": [..]}."""
    if path.suffix != ".json":
        return None
    try:
        value = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, ValueError) as error:
        raise UnusableInput(Problem("cannot be read as JSON", file=str(path))) from error
    if not isinstance(value, Mapping):
        return None
    answers, truths = value.get("predictions"), value.get("ground_truths")
    if not isinstance(answers, list) or not isinstance(truths, list) or len(answers) != len(truths):
        return None
    return answers, truths


def unwrapped(value: Any) -> Any:
    """A truth as it is meant: JSON in a text is read; Donut's data sets have it in `gt_parse`."""
    if isinstance(value, str):
        try:
            value = json.loads(value, parse_float=Decimal)
        except ValueError:
            return value
    return value["gt_parse"] if isinstance(value, Mapping) and "gt_parse" in value else value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else exact_json(value)

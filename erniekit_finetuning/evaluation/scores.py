"""Scores of a set of documents, as a file of results holds them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from erniekit_finetuning.confidence.fields import COLUMNS, FIELDS
from erniekit_finetuning.evaluation.counting import Counts, Table
from erniekit_finetuning.evaluation.formulas import accuracy, judged, share
from erniekit_finetuning.evaluation.matching import Verdict
from erniekit_finetuning.evaluation.measures import LINE_F1, PRIMARY, WHOLE, values
from erniekit_finetuning.evaluation.said import LINES

_SLICED = (PRIMARY, WHOLE, LINE_F1)
_MOST_VALUES = 30  # of a tag; one with more tells documents apart, not sorts of them


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FieldScores(_Frozen):
    """Verdicts on one field. `accuracy` is correct over all of them.

    `exact`: correct to the letter. `similarity`: mean likeness of texts, None for other kinds.
    `column_accuracy`: correct ones of those in items that have a partner, None outside items.
    """

    accuracy: float | None
    correct: int
    wrong: int
    missing: int
    invented: int
    exact: int
    similarity: float | None
    column_accuracy: float | None


class Troubles(_Frozen):
    """Answers that could not be scored, by what was wrong with them.

    `not_asked`: documents that do not fit the model. `cut_off`: by the token limit. `repairable`:
    no JSON, but a repair would make an object of it.
    """

    not_asked: int
    cut_off: int
    not_json: int
    repairable: int
    wrong_shape: int


class Confusion(_Frozen):
    """Verdicts on documents: who calls them valid or not, and whether that is right."""

    valid_rightly: int
    valid_wrongly: int
    invalid_rightly: int
    invalid_wrongly: int


class SliceScores(_Frozen):
    """Documents of one sort."""

    documents: int
    scores: dict[str, float | None]


def field_scores(counts: Counts) -> dict[str, FieldScores]:
    """Scores by field: ours in the order of an invoice, others as they came up."""
    seen = dict.fromkeys(name for verdict in Verdict for name in counts.subjects(verdict.value))
    ours = [*FIELDS, *(f"{LINES}.{column}" for column in COLUMNS)]
    names = [*(name for name in ours if name in seen), *(name for name in seen if name not in ours)]
    return {
        name: FieldScores(
            accuracy=_number(accuracy(counts, name)),
            correct=int(counts.of("correct", name)),
            wrong=int(counts.of("wrong", name)),
            missing=int(counts.of("missing", name)),
            invented=int(counts.of("invented", name)),
            exact=int(counts.of("exact", name)),
            similarity=_similarity(counts, name),
            column_accuracy=_number(
                share(counts.of("paired_correct", name), counts.of("paired", name))
            ),
        )
        for name in names
        if not name.startswith("kind ")
    }


def troubles(counts: Counts) -> Troubles:
    """What was wrong with answers."""
    documents, valid = int(counts.of("documents")), int(counts.of("json_valid"))
    return Troubles(
        not_asked=documents - int(counts.of("asked")),
        cut_off=int(counts.of("cut_off")),
        not_json=documents - valid,
        repairable=int(counts.of("repairable")),
        wrong_shape=valid - int(counts.of("shape_valid")),
    )


# Who judges what by which measure.
VERDICTS = {
    "own": "The model's is_valid, against the rules on its own reading",
    "truth_said": "The model's is_valid, against what the document is",
    "truth_rules": "The rules on the model's reading, against what the document is",
}


def confusions(counts: Counts) -> dict[str, Confusion]:
    """Verdicts by who judges what (see `VERDICTS`); those that nobody gave are left out."""
    found = {
        name: Confusion(
            valid_rightly=int(counts.of(f"{name}_11")),
            valid_wrongly=int(counts.of(f"{name}_10")),
            invalid_rightly=int(counts.of(f"{name}_00")),
            invalid_wrongly=int(counts.of(f"{name}_01")),
        )
        for name in VERDICTS
    }
    return {name: one for name, one in found.items() if any(one.model_dump().values())}


def slices(table: Table) -> dict[str, dict[str, list[int]]]:
    """The documents of each sort, by tag and value: rows of the table.

    A tag that has one value, or very many, tells no sorts apart and is left out.
    """
    names = dict.fromkeys(name for tags in table.tags for name in tags)
    found: dict[str, dict[str, list[int]]] = {}
    for name in names:
        rows: dict[str, list[int]] = {}
        for row, tags in enumerate(table.tags):
            if name in tags:
                rows.setdefault(tags[name], []).append(row)
        if 1 < len(rows) <= _MOST_VALUES:
            found[name] = dict(sorted(rows.items()))
    return found


def slice_scores(table: Table) -> dict[str, dict[str, SliceScores]]:
    """The main scores of each sort of documents."""
    return {
        name: {value: _of_slice(table, rows) for value, rows in by_value.items()}
        for name, by_value in slices(table).items()
    }


def _of_slice(table: Table, rows: Sequence[int]) -> SliceScores:
    return SliceScores(documents=len(rows), scores=values(table.total(rows), _SLICED))


def _similarity(counts: Counts, name: str) -> float | None:
    if (name, "text_similarity") not in counts.keys:
        return None
    return _number(share(counts.of("text_similarity", name), judged(counts, name)))


def _number(value: NDArray[np.float64]) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)

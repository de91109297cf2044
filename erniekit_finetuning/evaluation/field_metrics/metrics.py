"""The field's published metrics of one document, and of many."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from erniekit_finetuning.evaluation.field_metrics.anls import anls_star
from erniekit_finetuning.evaluation.field_metrics.donut import field_counts, tree_accuracy
from erniekit_finetuning.evaluation.field_metrics.entities import entity_counts, invoice_entities
from erniekit_finetuning.evaluation.field_metrics.json_accuracy import json_accuracy


class FieldMetrics(NamedTuple):
    """One document: shares from 0 to 1, and counts, of which any documents' sum makes a score."""

    anls_star: float
    donut_right: int
    donut_wrong: int
    donut_tree: float
    entities_right: int
    entities_expected: int
    entities_found: int
    json_accuracy: float


class FieldScores(BaseModel):
    """Scores over documents, 0 to 1; None where there is nothing to count.

    Means over documents, but for Donut's F1 and SROIE's three, which are of all documents' counts.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    documents: int
    anls_star: float | None
    donut_f1: float | None
    donut_tree_accuracy: float | None
    sroie_precision: float | None
    sroie_recall: float | None
    sroie_f1: float | None
    json_accuracy: float | None


def measure(truth: Any, found: Any) -> FieldMetrics:
    """All metrics of a predicted JSON value against the true one.

    `found` is None for an answer that is not valid: everything of the truth is missed.
    """
    missed = found is None
    fields = field_counts(truth, found)
    entities = entity_counts(invoice_entities(truth), invoice_entities(found))
    return FieldMetrics(
        anls_star=0.0 if missed else anls_star(truth, found),
        donut_right=fields.right,
        donut_wrong=fields.wrong,
        donut_tree=0.0 if missed else tree_accuracy(truth, found),
        entities_right=entities.right,
        entities_expected=entities.expected,
        entities_found=entities.found,
        json_accuracy=0.0 if missed else json_accuracy(truth, found),
    )


def summarize(rows: Iterable[FieldMetrics]) -> FieldScores:
    """Scores of these documents; any subset of an evaluation's may be given.

    >>> row = FieldMetrics(0.5, 3, 2, 0.75, 1, 2, 1, 0.25)
    >>> summarize([row]).donut_f1, summarize([row]).sroie_f1  # 3 / (3 + 2/2), 2 x 1 / (2 + 1)
    (0.75, 0.666667)
    """
    rows = list(rows)
    right = sum(row.donut_right for row in rows)
    wrong = sum(row.donut_wrong for row in rows)
    entities = sum(row.entities_right for row in rows)
    expected = sum(row.entities_expected for row in rows)
    found = sum(row.entities_found for row in rows)
    return FieldScores(
        documents=len(rows),
        anls_star=_share(sum(row.anls_star for row in rows), len(rows)),
        donut_f1=_share(right, right + wrong / 2),
        donut_tree_accuracy=_share(sum(row.donut_tree for row in rows), len(rows)),
        sroie_precision=_share(entities, found),
        sroie_recall=_share(entities, expected),
        sroie_f1=_share(2 * entities, expected + found),
        json_accuracy=_share(sum(row.json_accuracy for row in rows), len(rows)),
    )


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 6) if whole else None

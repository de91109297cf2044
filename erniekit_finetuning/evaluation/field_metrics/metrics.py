"""The field's published metrics of one document."""

from __future__ import annotations

from typing import Any, NamedTuple

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

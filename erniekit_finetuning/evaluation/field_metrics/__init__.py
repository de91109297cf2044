"""What the document-extraction field publishes: ANLS*, Donut's two, SROIE's, JSON accuracy."""

from erniekit_finetuning.evaluation.field_metrics.metrics import (
    FieldMetrics,
    FieldScores,
    measure,
    summarize,
)

__all__ = ["FieldMetrics", "FieldScores", "measure", "summarize"]

"""What the document-extraction field publishes: ANLS*, Donut's two, SROIE's, JSON accuracy."""

from erniekit_finetuning.evaluation.field_metrics.metrics import FieldMetrics, measure

__all__ = ["FieldMetrics", "measure"]

"""Engines: one small protocol, one package an engine."""

from erniekit_finetuning.engines.protocol import (
    Engine,
    Example,
    Generation,
    Metric,
    Question,
    Reader,
    TrainResult,
)
from erniekit_finetuning.engines.registry import get_engine

__all__ = [
    "Engine",
    "Example",
    "Generation",
    "Metric",
    "Question",
    "Reader",
    "TrainResult",
    "get_engine",
]

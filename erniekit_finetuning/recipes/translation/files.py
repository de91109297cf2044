"""What a translation names beside the recipe."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Files:
    """Training data, validation data and output, as the trainer's file names them."""

    train: str = "train.jsonl"
    validation: str | None = "validation.jsonl"
    output: str = "adapter"

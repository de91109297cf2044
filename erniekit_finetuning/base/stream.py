"""Batches as tensors, made in the training process or by workers beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from erniekit_finetuning.base.batches import Batch, Encoder, batches
from erniekit_finetuning.base.config import Training
from erniekit_finetuning.base.learning import Tensors, tensors


class _Endless(IterableDataset[Batch]):  # type: ignore[misc]
    def __init__(self, make: Callable[[str], Iterator[Batch]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        return self._make("" if worker is None else f"/{worker.id}")


def stream(
    documents: Sequence[str],
    encode: Encoder,
    seed: str,
    settings: Training,
    progress: Any,
) -> Iterator[Tensors]:
    """Batches without end; `progress` is a shared number (multiprocessing.Value), 0 to 1."""

    def make(worker: str) -> Iterator[Batch]:
        return batches(
            documents,
            encode,
            seed + worker,
            settings.batch_tokens,
            settings.max_seq_len,
            lambda: float(progress.value),
        )

    workers = settings.workers
    return iter(
        DataLoader(
            _Endless(make),
            batch_size=None,
            collate_fn=tensors,
            num_workers=workers,
            multiprocessing_context="fork" if workers else None,
        )
    )

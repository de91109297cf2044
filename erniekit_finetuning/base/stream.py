"""Batches as tensors, made in the training process or by workers beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from erniekit_finetuning.base.batches import Batch, Laying, batches
from erniekit_finetuning.base.corpus import Labelled, labelled
from erniekit_finetuning.base.learning import Tensors, tensors
from erniekit_finetuning.base.rows import Encoder
from erniekit_finetuning.base.set_documents import set_document
from synthetic_invoice_generator.chance import chance
from synthetic_invoice_generator.config import GeneratorConfig

DRAWN_SHARE = 0.4  # of the documents
_MOST = 10**9  # text pages of a seed: hardly one is met twice


class Documents:
    """Documents to learn from: cached ones, and more text pages that nobody has seen yet."""

    def __init__(self, drawn: list[str], config: GeneratorConfig, seed: int) -> None:
        """Rows of the cache; configuration and seed of the text pages."""
        self._drawn, self._config, self._seed = drawn, config, seed

    def __call__(self, rng: Random) -> Labelled:
        """One document."""
        if chance(rng, DRAWN_SHARE):
            return labelled(rng.choice(self._drawn))
        made = None
        while made is None:
            made = set_document(self._config, self._seed, rng.randrange(_MOST))
        return made


class _Endless(IterableDataset[Batch]):  # type: ignore[misc]
    def __init__(self, make: Callable[[str], Iterator[Batch]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        return self._make("" if worker is None else f"/{worker.id}")


def stream(
    document: Callable[[Random], Labelled],
    encode: Encoder,
    seed: str,
    laying: Laying,
    workers: int,
    progress: Any,
) -> Iterator[Tensors]:
    """Batches without end; `progress` is a shared number (multiprocessing.Value), 0 to 1."""

    def make(worker: str) -> Iterator[Batch]:
        return batches(document, encode, seed + worker, laying, lambda: float(progress.value))

    return iter(
        DataLoader(
            _Endless(make),
            batch_size=None,
            collate_fn=tensors,
            num_workers=workers,
            multiprocessing_context="fork" if workers else None,
        )
    )

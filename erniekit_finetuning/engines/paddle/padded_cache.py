"""Paddle's own cache, with which of its columns are tokens: for GPUs, where padding is cheap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.engines.paddle.runtime import import_paddle
from erniekit_finetuning.engines.side_by_side import Columns, aligned, without_wrong


@dataclass(frozen=True)
class PaddedCache:
    """Keys and values of rows that are padded, and which columns are tokens."""

    for_model: Any
    columns: Columns

    @classmethod
    def empty(cls, columns: Columns) -> Self:
        """For the model to fill these columns."""
        from paddleformers.transformers.cache_utils import DynamicCache

        return cls(DynamicCache(), columns)

    @classmethod
    def beside(cls, caches: Sequence[PaddedCache]) -> PaddedCache:
        """Put the rows of filled caches into one batch."""
        paddle = import_paddle()
        used, columns = aligned([cache.columns for cache in caches])
        joined = cls.empty(columns)

        def on_the_right(part: Any, keep: int) -> Any:
            rows, heads, _, dim = part.shape
            empty = paddle.zeros([rows, heads, columns.shape[1] - keep, dim], part.dtype)
            return paddle.concat([empty, part[:, :, -keep:]], axis=2)

        layers_of_all = zip(*(cache.for_model.layers for cache in caches), strict=True)
        for number, layers in enumerate(layers_of_all):
            keys, values = (
                [
                    on_the_right(getattr(layer, name), keep)
                    for layer, keep in zip(layers, used, strict=True)
                ]
                for name in ("keys", "values")
            )
            joined.for_model.update(paddle.concat(keys), paddle.concat(values), number)
        return joined

    def keep(self, rows: NDArray[np.int64]) -> PaddedCache:
        """Drop every row but these."""
        if rows.size:
            self.for_model.reorder_cache(import_paddle().to_tensor(rows))
        return PaddedCache(self.for_model, self.columns[rows])

    def without_wrong(self, read: Sequence[int], right: Sequence[int]) -> PaddedCache:
        """Drop all but the `right` first of the `read` tokens of each row that were read last."""
        columns = without_wrong(self.columns, read, right)
        self.for_model.crop(columns.shape[1])
        return PaddedCache(self.for_model, columns)

"""Processes that a launcher started, which add up their gradients over gloo or NCCL."""

from __future__ import annotations

from collections.abc import Sequence

from erniekit_finetuning.engines.batches import Pack
from erniekit_finetuning.engines.paddle.runtime import import_paddle
from erniekit_finetuning.engines.team import share_of_step, share_out
from erniekit_finetuning.engines.trainable import Trainable


class Collective:
    """A team of `size` equal processes; see `Team`."""

    def __init__(self, rank: int, size: int) -> None:
        import_paddle().distributed.init_parallel_env()
        self._rank, self._size = rank, size

    @property
    def leads(self) -> bool:
        """See `Team.leads`."""
        return self._rank == 0

    def gradients(
        self, trainable: Trainable, packs: Sequence[Pack], first_seed: int, divisor: int
    ) -> float:
        """See `Team.gradients`."""
        paddle = import_paddle()
        shares = share_out([len(pack.tokens) for pack in packs], self._size)
        loss = share_of_step(trainable, packs, shares[self._rank], first_seed, divisor)
        trainable.sum_over_processes()
        total = paddle.to_tensor([loss], dtype="float64")
        paddle.distributed.all_reduce(total)
        return float(total)

    def close(self) -> None:
        """The launcher ends the others."""

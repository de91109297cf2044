"""Who computes a step's gradients: this process alone, or with others that hold the same model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from erniekit_finetuning.engines.batches import Pack
from erniekit_finetuning.engines.trainable import Trainable


class Team(Protocol):
    """The processes of one training."""

    @property
    def leads(self) -> bool:
        """Whether this process writes the run folder."""
        ...

    def gradients(
        self, trainable: Trainable, packs: Sequence[Pack], first_seed: int, divisor: int
    ) -> float:
        """Leave the gradients of (loss summed over all packs / divisor) in `trainable`.

        Pack i draws its dropout from `first_seed + i`. Returns the summed loss.
        """
        ...

    def close(self) -> None:
        """End what was started."""
        ...


class Alone:
    """One process."""

    leads = True

    def gradients(
        self, trainable: Trainable, packs: Sequence[Pack], first_seed: int, divisor: int
    ) -> float:
        """See `Team.gradients`."""
        return share_of_step(trainable, packs, range(len(packs)), first_seed, divisor)

    def close(self) -> None:
        """There is nothing to end."""


class Collective:
    """Equal processes that a launcher started, which add up their gradients over gloo or NCCL.

    `sum_up` adds a number over all of them.
    """

    def __init__(self, rank: int, size: int, sum_up: Callable[[float], float]) -> None:
        self._rank, self._size, self._sum_up = rank, size, sum_up

    @property
    def leads(self) -> bool:
        """See `Team.leads`."""
        return self._rank == 0

    def gradients(
        self, trainable: Trainable, packs: Sequence[Pack], first_seed: int, divisor: int
    ) -> float:
        """See `Team.gradients`."""
        shares = share_out([len(pack.tokens) for pack in packs], self._size)
        loss = share_of_step(trainable, packs, shares[self._rank], first_seed, divisor)
        trainable.sum_over_processes()
        return self._sum_up(loss)

    def close(self) -> None:
        """The launcher ends the others."""


def share_of_step(
    trainable: Trainable,
    packs: Sequence[Pack],
    share: Sequence[int],
    first_seed: int,
    divisor: int,
) -> float:
    """Accumulate the gradients of some of a step's packs; return their summed loss."""
    return sum(trainable.accumulate(packs[i], divisor, first_seed + i) for i in share)


def share_out(lengths: Sequence[int], processes: int) -> list[list[int]]:
    """Indices of the packs that each process computes, about the same number of tokens each.

    >>> share_out([5, 9, 3, 2], 2)
    [[1], [0, 2, 3]]
    """
    shares: list[list[int]] = [[] for _ in range(processes)]
    loads = [0] * processes
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        lightest = loads.index(min(loads))
        shares[lightest].append(i)
        loads[lightest] += lengths[i]
    return shares

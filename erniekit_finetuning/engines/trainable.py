"""What the training loop needs of a model, whatever framework computes it."""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import NDArray

from erniekit_finetuning.engines.batches import Pack

Arrays = dict[str, NDArray[Any]]


class Trainable(Protocol):
    """A model with its optimizer. Arrays are named by the path of a trained weight."""

    @property
    def tokens_at_once(self) -> int:
        """Up to how many tokens of several documents are best computed together."""
        ...

    def accumulate(self, pack: Pack, divisor: int, seed: int) -> float:
        """Add the gradients of (summed loss / divisor); return the summed loss.

        Dropout is drawn from `seed`: it depends neither on what was computed before nor on which
        process computes it.
        """
        ...

    def loss(self, pack: Pack) -> float:
        """The loss summed over the labels, without dropout."""
        ...

    def gradients(self) -> Arrays:
        """What was accumulated."""
        ...

    def add_gradients(self, arrays: Arrays) -> None:
        """Add what another process accumulated."""
        ...

    def sum_over_processes(self) -> None:
        """Add up what all processes of a launcher accumulated, in each of them."""
        ...

    def clear_gradients(self) -> None:
        """Forget what was accumulated."""
        ...

    def update(self, rate: float, max_norm: float | None) -> float:
        """Clip, take one optimizer step, clear; return the norm before clipping."""
        ...

    def weights(self) -> Arrays:
        """The trained weights, in float32."""
        ...

    def set_weights(self, arrays: Arrays) -> None:
        """Put trained weights back."""
        ...

    def optimizer_state(self) -> Arrays:
        """Everything the optimizer remembers."""
        ...

    def set_optimizer_state(self, arrays: Arrays) -> None:
        """Put the optimizer where it was."""
        ...

    def settings(self) -> dict[str, Any]:
        """What the optimizer says of itself, by the recipe's keys."""
        ...

    def peak_memory_mb(self) -> float:
        """Most memory taken so far: the GPU's, or this process's on a CPU."""
        ...

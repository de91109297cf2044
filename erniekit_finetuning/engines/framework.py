"""What our training asks of a framework beside its `Trainable`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from erniekit_finetuning.engines.encoding import Encoder
from erniekit_finetuning.engines.prompting import Prompting
from erniekit_finetuning.engines.trainable import Trainable
from erniekit_finetuning.recipes.model import Recipe


@dataclass(frozen=True)
class Built:
    """A model ready to train: its context in tokens, the modules that carry an adapter, and how
    many weights it has, adapters counted, and how many of them are trained."""

    model: Any
    trainable: Trainable
    context: int
    lora_modules: tuple[str, ...]
    parameters: int
    trained: int


class Framework(Protocol):
    """Paddle or torch."""

    def on_gpu(self) -> bool:
        """Whether it computes on a GPU."""
        ...

    def encoder(self, recipe: Recipe, base: Path, prompting: Prompting) -> Encoder:
        """How examples become tokens."""
        ...

    def build(self, recipe: Recipe, base: Path) -> Built:
        """The base model with what the recipe trains."""
        ...

    def join(self) -> Callable[[float], float]:
        """Join the processes that a launcher started; give what adds a number over them."""
        ...

    def leave_cores(self) -> None:
        """Compute on one core: the others are the helpers'."""
        ...

    def write_model(self, model: Any, base: Path, folder: Path) -> None:
        """Write a model that was trained whole."""
        ...

    def settings(self, built: Built) -> dict[str, Any]:
        """What model and optimizer say of themselves, by the recipe's keys."""
        ...

    def versions(self) -> dict[str, str]:
        """The versions that shape a result."""
        ...

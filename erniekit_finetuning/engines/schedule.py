"""How long a training is, and how fast it learns at each step."""

from __future__ import annotations

import math
from typing import Literal

from erniekit_finetuning.recipes.training_section import TrainingSection


def sequences_per_step(training: TrainingSection, copies: int = 1) -> int:
    """Sequences one optimizer step learns from, on all copies of the model together."""
    return training.per_device_train_batch_size * training.gradient_accumulation_steps * copies


def total_steps(per_epoch: int, training: TrainingSection) -> int:
    """Optimizer steps of the whole training, when an epoch takes `per_epoch` of them."""
    if training.max_steps is not None:
        return training.max_steps
    return max(1, math.ceil((training.num_train_epochs or 1) * per_epoch))


def warmup_steps(total: int, training: TrainingSection) -> int:
    """Steps over which the rate climbs."""
    if training.warmup_ratio is not None:
        return math.ceil(training.warmup_ratio * total)
    return training.warmup_steps or 0


def due(step: int, every: int | Literal["epoch"], per_epoch: int) -> bool:
    """Whether something that is done each so many steps, or each epoch, is done after `step`.

    >>> [step for step in range(1, 8) if due(step, "epoch", 3)]
    [3, 6]
    """
    return step % (per_epoch if every == "epoch" else every) == 0


def warnings(total: int, training: TrainingSection) -> tuple[str, ...]:
    """What is legal in a run of `total` steps, and likely not meant."""
    warmup = warmup_steps(total, training)
    if warmup <= total:
        return ()
    reached = learning_rate(total, total, training)
    return (
        f"the warm-up of {warmup} steps is longer than the run of {total}: the peak rate "
        f"{training.learning_rate:g} is never reached, the highest is {reached:g}",
    )


def learning_rate(step: int, total: int, training: TrainingSection) -> float:
    """The rate of optimizer step `step`, counted from 1.

    Climbs in a line to the peak at the last warm-up step, then stays (constant), or falls towards
    zero in a line or along a half cosine; the last step still learns.
    """
    warmup = warmup_steps(total, training)
    peak = training.learning_rate
    if step <= warmup:
        return peak * step / warmup
    if training.lr_scheduler_type == "constant":
        return peak
    done = (step - warmup - 1) / max(1, total - warmup)
    if training.lr_scheduler_type == "linear":
        return peak * (1 - done)
    return peak * (1 + math.cos(math.pi * done)) / 2

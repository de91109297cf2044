"""Memory: how much this process took, how much is computed at once, and what to do without it."""

from __future__ import annotations

import os
import re
import resource
import sys

from erniekit_finetuning.recipes.model import Recipe

# On a CPU, small tensors stay in its caches: short documents together, long ones alone.
TOKENS_AT_ONCE_ON_CPU = 512
_ENDED = re.compile(r"out of memory|ResourceExhausted|MemoryError", re.IGNORECASE)
LESS = (
    "halve training.per_device_train_batch_size and double training.gradient_accumulation_steps; "
    "then set training.gradient_checkpointing: true, lower data.max_seq_len"
)


def bound_kernel_cache() -> None:
    """Let torch keep few of the kernels that oneDNN makes for each shape; before its import.

    Texts have many lengths: 2,500 of them took 3.3 GB as it comes, 1.0 GB with 64 kernels.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")


def ran_out(text: str) -> bool:
    """Whether a framework's words say that memory ran out.

    >>> ran_out("ResourceExhaustedError: Out of memory error on GPU 0."), ran_out("bad shape")
    (True, False)
    """
    return _ENDED.search(text) is not None


def peak_of_process_mb() -> float:
    """The most memory that this process has had."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def tokens_at_once(recipe: Recipe, on_gpu: bool) -> int:
    """Up to how many tokens are computed together: a GPU takes the whole batch."""
    if on_gpu:
        return recipe.training.per_device_train_batch_size * recipe.data.max_seq_len
    return TOKENS_AT_ONCE_ON_CPU

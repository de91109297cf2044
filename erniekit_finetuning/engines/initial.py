"""Where adapters begin: the same numbers in every engine, drawn from the recipe's seed."""

from __future__ import annotations

import hashlib
import math

import numpy as np
from numpy.typing import NDArray


def first_a(module: str, rank: int, inputs: int, seed: int) -> NDArray[np.float32]:
    """The A [rank, inputs] that a module's adapter starts from; its B starts from zeros.

    Uniform within 1 / sqrt(inputs), as PEFT and PaddleFormers draw it (Kaiming with a = sqrt 5),
    but from the module's name, so that it depends on no order and no framework.
    """
    digest = hashlib.sha256(f"{seed} {module}".encode()).digest()
    generator = np.random.default_rng(int.from_bytes(digest[:8], "little"))
    bound = 1 / math.sqrt(inputs)
    return generator.uniform(-bound, bound, (rank, inputs)).astype(np.float32)

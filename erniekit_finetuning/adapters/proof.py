"""Whether a merged model gives the logits of base and adapter side by side.

Measured on two small models (2 and 4 layers, logits up to 22) with adapters of 2, 10 and 40 % of
their matrices' norms, as shares of the largest logit. float32: a right merge differs by 4e-6 at
most; one without its alpha, one that splits fused matrices contiguously and one that loses a
single matrix by 7e-3 at least. bfloat16: rounding of the right weights alone gives 1e-3 to 8e-3,
which hides these mistakes in a small adapter; so sums are proved in float32, and what rounding
does to the model that is kept is only bounded.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.errors import Problem, UnusableInput

Logits = Sequence[NDArray[np.float32]]
LARGEST_DIFFERENCE = 1e-4
LARGEST_SHARE = 3e-5  # of the largest logit: float32's rounding grows with what it rounds
LARGEST_ROUNDED_SHARE = 5e-2


def compare(expected: Logits, found: Logits) -> float:
    """The largest difference of two models' logits [tokens, vocabulary], prompt by prompt.

    Raises UnusableInput when it is more than rounding in float32 explains.
    """
    return _bounded(expected, found, max(LARGEST_DIFFERENCE, LARGEST_SHARE * _largest(expected)))


def compare_rounded(expected: Logits, found: Logits) -> float:
    """As `compare`, for a proved model whose weights were rounded to 16 bits afterwards."""
    return _bounded(expected, found, LARGEST_ROUNDED_SHARE * _largest(expected))


def _bounded(expected: Logits, found: Logits, limit: float) -> float:
    pairs = zip(expected, found, strict=True)
    largest = max(float(np.abs(one - other).max()) for one, other in pairs)
    if not largest <= limit:
        what = "the merged model does not give the adapter's logits, so it was not kept"
        told = f"a difference of {largest:.3g}"
        raise UnusableInput(Problem(what, found=told, expected=f"at most {limit:.3g}"))
    return largest


def _largest(logits: Logits) -> float:
    return max(float(np.abs(one).max()) for one in logits)

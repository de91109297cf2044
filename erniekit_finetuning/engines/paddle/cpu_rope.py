"""Rotary positions for CPUs: a pair of neighbours is a complex number, a position is a turn of it.

PaddleFormers builds the turned pairs out of eight tensors; here they are one product, and the
gradient is turned back. A fifth of a training step went there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rotate = Callable[..., tuple[Any, Any]]


def turned(states: NDArray[np.float32], turns: NDArray[np.complex64]) -> NDArray[np.float32]:
    """States [.., heads, length, dim] turned by [.., 1, length, dim / 2].

    >>> turned(np.float32([[1, 2, 3, 4]]), np.complex64([[1j, -1]])).tolist()
    [[-2.0, 1.0, -3.0, -4.0]]
    """
    pairs = np.ascontiguousarray(states).view(np.complex64)
    return (pairs * turns).view(np.float32)


def complex_rotation(paddle: Any, upstream: Rotate) -> Rotate:
    """PaddleFormers' `apply_rotary_pos_emb` for float32 on a CPU; anything else is left to it."""

    class Turned(paddle.autograd.PyLayer):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, states: Any, turns: NDArray[np.complex64]) -> Any:
            ctx.turns = turns
            return paddle.to_tensor(turned(states.numpy(), turns))

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return paddle.to_tensor(turned(grad.numpy(), ctx.turns.conj()))

    def rotate(q: Any, k: Any, cos: Any, sin: Any, *more: Any, **named: Any) -> tuple[Any, Any]:
        plain = q.place.is_cpu_place() and q.dtype == k.dtype == cos.dtype == paddle.float32
        if not plain or more or named:
            return upstream(q, k, cos, sin, *more, **named)
        half = cos.shape[-1] // 2
        turns = cos.numpy()[:, None, :, :half] + 1j * sin.numpy()[:, None, :, :half]
        return Turned.apply(q, turns), Turned.apply(k, turns)

    return rotate

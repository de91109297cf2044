"""One of Paddle's matrices with low-rank adapters, a pair for each matrix that is fused in it.

PaddleFormers computes q, k and v as one product, and gate and up as another, and would give each
product one adapter. Hugging Face's names, which recipes use, mean one adapter a matrix; here every
part has its own, so a recipe trains the same numbers in both engines. Imported after
`runtime.import_paddle`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import paddle

Join = Callable[[Mapping[str, Any]], Any]


class AdaptedLinear(paddle.nn.Layer):  # type: ignore[misc]
    """x W + b + join(dropout(x) A_part B_part * scaling).

    `parts` names each adapted part with its width; A is [inputs, rank], B [rank, width].
    """

    def __init__(
        self,
        linear: Any,
        parts: Mapping[str, int],
        join: Join,
        rank: int,
        scaling: float,
        dropout: float,
    ) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias
        self.parts, self.scaling = tuple(parts), scaling
        self._join, self.rank = join, rank
        self.dropout = paddle.nn.Dropout(dropout)
        zeros = paddle.nn.initializer.Constant(0.0)
        for part, width in parts.items():
            for name, shape in (("A", [linear.weight.shape[0], rank]), ("B", [rank, width])):
                weight = self.create_parameter(shape, dtype="float32", default_initializer=zeros)
                self.add_parameter(f"lora_{name}_{part}", weight)

    def forward(self, x: Any) -> Any:
        """x [.., inputs] to [.., outputs]."""
        out = paddle.nn.functional.linear(x, self.weight, self.bias)
        down = [getattr(self, f"lora_A_{part}") for part in self.parts]
        dropped = self.dropout(x).astype(down[0].dtype)
        inner = paddle.matmul(dropped, paddle.concat(down, axis=1) if down[1:] else down[0])
        inner = inner * self.scaling
        shares = paddle.split(inner, len(down), axis=-1) if down[1:] else [inner]
        deltas = {
            part: paddle.matmul(share, getattr(self, f"lora_B_{part}"))
            for part, share in zip(self.parts, shares, strict=True)
        }
        return out + self._join(deltas).astype(out.dtype)


def join_single(deltas: Mapping[str, Any]) -> Any:
    """A matrix that is not fused."""
    (only,) = deltas.values()
    return only


def join_beside(parts: Sequence[str], width: int) -> Join:
    """Parts of the same width one after the other, zeros for one without an adapter."""

    def join(deltas: Mapping[str, Any]) -> Any:
        shape = [*next(iter(deltas.values())).shape[:-1], width]
        found = [deltas[part] if part in deltas else paddle.zeros(shape) for part in parts]
        return paddle.concat(found, axis=-1)

    return join


def join_by_group(parts: Sequence[str], groups: int, widths: Mapping[str, int]) -> Join:
    """Parts interleaved: first every part's share of the first group, then of the second."""

    def join(deltas: Mapping[str, Any]) -> Any:
        before = next(iter(deltas.values())).shape[:-1]

        def grouped(part: str) -> Any:
            shape = [*before, groups, widths[part] // groups]
            return deltas[part].reshape(shape) if part in deltas else paddle.zeros(shape)

        return paddle.concat([grouped(part) for part in parts], axis=-1).reshape([*before, -1])

    return join

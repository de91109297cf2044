"""RMSNorm for CPUs: the square is a product, where Paddle's own `pow` is four times slower."""

from __future__ import annotations

from typing import Any


def product_norm(paddle: Any, rms_norm: Any) -> Any:
    """PaddleFormers' RMSNorm class with another forward; GPUs keep its fused kernel."""

    class ProductNorm(rms_norm):  # type: ignore[misc]
        def forward(self, hidden: Any) -> Any:
            """The normalised states, as upstream computes them."""
            if self.config.get("fuse_rms_norm", True):
                return super().forward(hidden)
            with paddle.amp.auto_cast(False):
                wide = hidden.astype("float32")
                variance = (wide * wide).mean(-1, keepdim=True)
                hidden = paddle.rsqrt(variance + self.variance_epsilon) * hidden
            return hidden.astype(self.weight.dtype) * self.weight

    return ProductNorm

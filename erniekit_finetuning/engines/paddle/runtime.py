"""Paddle, imported once, quietly, with the attention that suits the machine."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from erniekit_finetuning.engines.paddle import cpu_attention
from erniekit_finetuning.engines.paddle.cpu_norm import product_norm
from erniekit_finetuning.engines.paddle.cpu_rope import complex_rotation
from erniekit_finetuning.engines.paddle.row_cache import Cached
from erniekit_finetuning.errors import Problem, UnusableInput


@cache
def import_paddle() -> Any:
    """Import paddle and paddleformers and give paddle. Raises UnusableInput when not installed."""
    # paddlecodec ships a folder named torchcodec, which transformers would take for the real one.
    sys.modules.setdefault("torchcodec", None)  # type: ignore[arg-type]
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import paddle
            from paddleformers.nn.attention.interface import ALL_ATTENTION_FUNCTIONS
            from paddleformers.nn.norm import Norm, RMSNorm
            from paddleformers.transformers.ernie4_5 import modeling
            from paddleformers.utils.log import logger
    except ImportError as error:
        cure = "install ernie-invoice[paddle], on a GPU machine with Paddle's own paddlepaddle-gpu"
        what = f"the paddle engine cannot start: {error}"
        raise UnusableInput(Problem(what, field="engine", cure=cure)) from error
    finally:
        logging.disable(logging.NOTSET)
    logger.set_level("ERROR")
    for name, other in logging.root.manager.loggerDict.items():
        if name.startswith(("paddle", "transformers")) and isinstance(other, logging.Logger):
            other.setLevel(logging.ERROR)
    ALL_ATTENTION_FUNCTIONS.register(cpu_attention.NAME, _attention(paddle))
    Norm._global_mapping["rms_norm"] = product_norm(paddle, RMSNorm)
    modeling.apply_rotary_pos_emb = complex_rotation(paddle, modeling.apply_rotary_pos_emb)
    return paddle


def on_gpu() -> bool:
    """Whether Paddle was built for a GPU and sees one."""
    paddle = import_paddle()
    return bool(paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count() > 0)


def versions() -> dict[str, str]:
    """The versions that shape a result."""
    from importlib.metadata import version

    import erniekit_finetuning

    return {
        "ernie-invoice": erniekit_finetuning.__version__,
        "python": sys.version.split()[0],
        "paddle": str(import_paddle().__version__),
        "paddleformers": version("paddleformers"),
        "transformers": version("transformers"),
        "safetensors": version("safetensors"),
        "numpy": np.__version__,
    }


def _attention(paddle: Any) -> Any:
    class CausalAttention(paddle.autograd.PyLayer):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, query: Any, key: Any, value: Any, scale: float, places: Any) -> Any:
            q, k, v = query.numpy(), key.numpy(), value.numpy()
            out = np.empty_like(q)
            sums = []
            for place in places:
                out[place], found = cpu_attention.attend_causally(
                    q[place], k[place], v[place], scale
                )
                sums.append(found)
            ctx.kept = q, k, v, out, sums, scale, places
            return paddle.to_tensor(out)

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            q, k, v, out, sums, scale, places = ctx.kept
            d = grad.numpy()
            found = np.empty_like(q), np.empty_like(k), np.empty_like(v)
            back = cpu_attention.attend_causally_backward
            for at, total in zip(places, sums, strict=True):
                parts = back(q[at], k[at], v[at], out[at], total, d[at], scale)
                for whole, part in zip(found, parts, strict=True):
                    whole[at] = part
            return tuple(paddle.to_tensor(whole) for whole in found)

    def attention(
        module: Any,
        query: Any,
        key: Any,
        value: Any,
        scaling: float,
        attn_mask_startend_row_indices: Any = None,
        **unused: Any,
    ) -> tuple[Any, None]:
        if isinstance(key, Cached):
            out = paddle.to_tensor(key.attend(query.numpy(), scaling))
        else:
            places = _documents(query.shape, attn_mask_startend_row_indices)
            out = CausalAttention.apply(query, key, value, scaling, places)
        rows, heads, length, dim = out.shape
        return out.transpose([0, 2, 1, 3]).reshape([rows, length, heads * dim]), None

    return attention


def _documents(shape: Sequence[int], ends: Any) -> list[tuple[int, slice, slice]]:
    """Where each document lies in [rows, heads, length, dim]; `ends` [1, 1, length, 1] packs
    several into one row."""
    if ends is None:
        return [(row, slice(None), slice(0, shape[2])) for row in range(shape[0])]
    stops = np.unique(ends.numpy())
    starts = [0, *stops[:-1]]
    return [
        (0, slice(None), slice(int(start), int(stop)))
        for start, stop in zip(starts, stops, strict=True)
    ]

"""torch, transformers and PEFT, imported once, with an attention that keeps documents apart."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

import numpy as np

from erniekit_finetuning.engines.memory import bound_kernel_cache
from erniekit_finetuning.errors import Problem, UnusableInput

ATTENTION = "documents"


@cache
def import_torch() -> Any:
    """Import torch and transformers and give torch.

    Raises UnusableInput when they are not installed, or when PaddleFormers is in this process: it
    switches torch off inside transformers.
    """
    if "paddleformers" in sys.modules:
        what = "the hf engine cannot work in a process that has loaded PaddleFormers"
        raise UnusableInput(Problem(what, field="engine", cure="start it in a process of its own"))
    # paddlecodec ships a folder named torchcodec, which transformers would take for the real one.
    sys.modules.setdefault("torchcodec", None)  # type: ignore[arg-type]
    bound_kernel_cache()
    try:
        import peft  # noqa: F401
        import torch
        import transformers
    except ImportError as error:
        what = f"the hf engine cannot start: {error}"
        cure = "install ernie-invoice[hf]"
        raise UnusableInput(Problem(what, field="engine", cure=cure)) from error
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    transformers.AttentionInterface.register(ATTENTION, _attend)
    return torch


def on_gpu() -> bool:
    """Whether torch sees a GPU."""
    return bool(import_torch().cuda.is_available())


def device() -> Any:
    """Where models go."""
    return import_torch().device("cuda" if on_gpu() else "cpu")


def versions() -> dict[str, str]:
    """The versions that shape a result."""
    from importlib.metadata import version

    import erniekit_finetuning

    torch = import_torch()
    return {
        "ernie-invoice": erniekit_finetuning.__version__,
        "python": sys.version.split()[0],
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        **{name: version(name) for name in ("transformers", "peft", "safetensors")},
    }


def _attend(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any = None,
    dropout: float = 0.0,
    scaling: float | None = None,
    document_lengths: tuple[int, ...] | None = None,
    **unused: Any,
) -> tuple[Any, None]:
    """Causal attention of [1, heads, length, dim] inside each document, the mask not read."""
    torch = import_torch()
    repeated = query.shape[1] // key.shape[1]
    if repeated > 1:
        key, value = (part.repeat_interleave(repeated, 1) for part in (key, value))
    lengths = document_lengths or (query.shape[2],)
    attend = torch.nn.functional.scaled_dot_product_attention
    parts = zip(*(part.split(lengths, 2) for part in (query, key, value)), strict=True)
    outs = [attend(q, k, v, is_causal=True, scale=scaling, dropout_p=dropout) for q, k, v in parts]
    out = outs[0] if len(outs) == 1 else torch.cat(outs, 2)
    return out.transpose(1, 2).contiguous(), None

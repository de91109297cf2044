"""Paddle's models from folders."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from erniekit_finetuning.engines.model_files import link_model
from erniekit_finetuning.engines.paddle import cpu_attention
from erniekit_finetuning.engines.paddle.runtime import import_paddle, on_gpu
from erniekit_finetuning.errors import Problem, UnusableInput


def load_tokenizer(base: Path) -> Any:
    """The model's tokenizer as PaddleFormers reads it."""
    import_paddle()
    from paddleformers.transformers import AutoTokenizer

    if not (base / "tokenizer_config.json").is_file():
        raise UnusableInput(Problem("has no tokenizer_config.json", file=str(base)))
    return AutoTokenizer.from_pretrained(str(base))


def load_base(base: Path, dtype: str, training: bool = False, recompute: bool = False) -> Any:
    """The base model in memory, ready for the machine's device.

    With `recompute` a layer's inner values are computed again for its gradients, not kept.

    Raises UnusableInput for another architecture than dense ERNIE-4.5 and for a dtype the device
    lacks.
    """
    config_file = json.loads((base / "config.json").read_text(encoding="utf-8"))
    _check(base, config_file, dtype)
    import_paddle()
    from paddleformers.transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(str(base))
    config.dtype = dtype
    config.fuse_rms_norm = on_gpu()  # the fused kernel exists on GPUs only
    on_device = "flashmask" if training else "sdpa"  # flashmask alone keeps documents apart
    config._attn_implementation = on_device if on_gpu() else cpu_attention.NAME
    if recompute:
        config.recompute_granularity = "full"
        config.recompute_method = "uniform"
        config.recompute_num_layers = 1
    with tempfile.TemporaryDirectory() as links:
        link_model(base, Path(links))
        with _every_process_for_itself():
            model = AutoModelForCausalLM.from_pretrained(links, config=config, dtype=dtype)
    model.eval()
    return model


def _check(base: Path, config: dict[str, Any], dtype: str) -> None:
    problems = []
    architecture = config.get("model_type")
    if architecture != "ernie4_5":
        problems.append(
            Problem(
                "the paddle engine trains and runs dense ERNIE-4.5 text models",
                file=str(base / "config.json"),
                field="model_type",
                found=str(architecture),
                expected="ernie4_5",
            )
        )
    if not any(base.glob("*.safetensors")):
        problems.append(Problem("has no *.safetensors weights", file=str(base)))
    if dtype != "float32" and not on_gpu():
        cure = "set model.dtype: float32, or run on a GPU"
        what = "Paddle cannot multiply in it on a CPU"
        problems.append(Problem(what, field="model.dtype", found=dtype, cure=cure))
    if problems:
        raise UnusableInput(problems)


@contextmanager
def _every_process_for_itself() -> Iterator[None]:
    """Hide a launcher: where it sees several processes, PaddleFormers loads onto GPUs alone."""
    distributed = import_paddle().distributed
    asked = distributed.get_world_size
    distributed.get_world_size = lambda group=None: 1
    try:
        yield
    finally:
        distributed.get_world_size = asked

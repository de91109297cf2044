"""Keys of ERNIEKit's files as PaddleFormers' keys."""

from __future__ import annotations

from dataclasses import fields
from difflib import get_close_matches
from typing import Any

from erniekit_finetuning.errors import Problem, UnusableInput

RENAMED = {
    "batch_size": "per_device_train_batch_size",
    "tensor_parallel_degree": "tensor_model_parallel_size",
    "pipeline_parallel_degree": "pipeline_model_parallel_size",
    "sharding_parallel_degree": "sharding_parallel_size",
    "expert_parallel_degree": "expert_model_parallel_size",
}
# Choices of kernels and files that PaddleFormers makes by itself or in the model's config.json.
WITHOUT_MEANING = {
    "fuse_rms_norm", "fuse_rope", "fuse_linear", "use_flash_attention", "unified_checkpoint",
    "use_attn_mask_start_row_indices", "multimodal", "use_sp_callback",
}  # fmt: skip


def to_paddleformers_keys(values: dict[str, Any], file: str) -> tuple[dict[str, Any], list[str]]:
    """PaddleFormers' file for ERNIEKit's, and what was changed, in words.

    Raises UnusableInput with every key that neither knows: ERNIEKit itself would ignore it.
    """
    known = paddleformers_keys()
    translated: dict[str, Any] = {}
    said: list[str] = []
    problems: list[Problem] = []
    for key, value in values.items():
        if key in WITHOUT_MEANING:
            said.append(f"{key} is left out: PaddleFormers chooses by itself")
        elif key in RENAMED:
            translated[RENAMED[key]] = value
            said.append(f"{key} becomes {RENAMED[key]}")
        elif key == "recompute":
            if value:
                translated |= {
                    "recompute_granularity": "full",
                    "recompute_method": "uniform",
                    "recompute_num_layers": 1,
                }
            said.append("recompute becomes recompute_granularity: full")
        elif key in known:
            translated[key] = value
        else:
            close = get_close_matches(key, [*known, *RENAMED], n=1)
            cure = f"did you mean {close[0]}?" if close else None
            problems.append(Problem("unknown key", file=file, field=key, cure=cure))
    problems += [
        Problem("is missing", file=file, field=key)
        for key in ("model_name_or_path", "train_dataset_path", "output_dir")
        if key not in translated
    ]
    if problems:
        raise UnusableInput(problems)
    if values.get("device") == "cpu":
        translated |= {
            "compute_type": "float32", "amp_master_grad": False, "_attn_implementation": "eager"
        }  # fmt: skip
        said.append("on a CPU: compute_type float32, eager attention")
    images = translated.get("stage") == "VL-SFT"
    translated.setdefault("template", "ernie_vl_nothink" if images else "ernie_nothink")
    return translated, said


def paddleformers_keys() -> set[str]:
    """Every key that PaddleFormers' training file may have."""
    from erniekit_finetuning.engines.paddle.runtime import import_paddle

    import_paddle()
    from paddleformers.cli.hparams.parser import _TRAIN_ARGS

    return {field.name for section in _TRAIN_ARGS for field in fields(section) if field.init}

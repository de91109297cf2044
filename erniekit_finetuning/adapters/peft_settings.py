"""What PEFT's adapter_config.json may say of a plain LoRA adapter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from erniekit_finetuning.errors import Problem

# Whatever these say, B A times the scaling is what is added to a weight.
_HARMLESS = {
    "peft_type", "task_type", "base_model_name_or_path", "revision", "inference_mode",
    "peft_version", "auto_mapping", "r", "lora_alpha", "lora_dropout", "use_rslora",
    "target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "rank_pattern",
    "alpha_pattern", "modules_to_save", "bias", "init_lora_weights", "ensure_weight_tying",
    "megatron_core", "qalora_group_size", "loftq_config", "eva_config", "runtime_config",
}  # fmt: skip
# Other starts than these change the base's weights, too, so the adapter fits another base.
_STARTS = (None, True, False, "gaussian", "eva", "orthogonal")


def unsupported(config: Mapping[str, Any], file: Path) -> list[Problem]:
    """One problem for each setting that makes more of an adapter than plain LoRA.

    A setting that this package has never heard of is one when it is switched on.
    """
    problems = []
    if config.get("peft_type") != "LORA":
        found = repr(config.get("peft_type"))
        problems.append(Problem("is no LoRA adapter", str(file), field="peft_type", found=found))
    if config.get("init_lora_weights") not in _STARTS:
        found = repr(config["init_lora_weights"])
        cure = "save it with PEFT's path_initial_model_for_weight_conversion"
        what = "its start changed the base's weights"
        problems.append(Problem(what, str(file), field="init_lora_weights", found=found, cure=cure))
    for field in ("r", "lora_alpha"):
        if not isinstance(config.get(field), int | float) or not config[field]:
            found = repr(config.get(field))
            problems.append(Problem("is no number", str(file), field=field, found=found))
    problems += [
        Problem("is not supported in an adapter", str(file), field=field, found=repr(value))
        for field, value in sorted(config.items())
        if value and field not in _HARMLESS
    ]
    return problems


def alpha_of(config: Mapping[str, Any], path: str) -> float:
    """The alpha of a module, by the first pattern that matches the end of its path.

    >>> alpha_of({"lora_alpha": 4, "alpha_pattern": {"down_proj": 7}}, "model.mlp.down_proj")
    7.0
    """
    for pattern, alpha in (config.get("alpha_pattern") or {}).items():
        if re.match(rf"(.*\.)?({pattern})$", path):
            return float(alpha)
    return float(config["lora_alpha"])

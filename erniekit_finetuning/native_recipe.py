"""ERNIEKit's own YAML: told from a recipe of ours, checked, and said in PaddleFormers' keys."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.recipes.translation.erniekit_keys import source_checkout_keys
from erniekit_finetuning.recipes.yaml_file import as_numbers, read_values

_RENAMED = {
    "tensor_parallel_degree": "tensor_model_parallel_size",
    "pipeline_parallel_degree": "pipeline_model_parallel_size",
    "sharding_parallel_degree": "sharding_parallel_size",
    "expert_parallel_degree": "expert_model_parallel_size",
    "sep_parallel_degree": "sep_parallel_size",
    "context_parallel_degree": "context_parallel_size",
    "virtual_pp_degree": "virtual_pipeline_model_parallel_size",
}
# Keys whose work PaddleFormers does by itself, or by the keys that `_translated` writes.
_OTHERWISE = {
    "batch_size": "per_device_train_batch_size",
    "recompute": "recompute_granularity",
    "recompute_granularity": "recompute_granularity",
    "use_flash_attention": "_attn_implementation",
    "use_attn_mask_start_row_indices": "_attn_implementation",
    "use_sparse_flash_attn": "_attn_implementation",
    "fuse_rms_norm": "the model's config.json",
    "fuse_rope": "the model's config.json",
    "fuse_linear": "the model's config.json",
    "unified_checkpoint": "save_checkpoint_format",
    "unified_checkpoint_config": "save_checkpoint_format",
    "multimodal": "stage",
    "num_samples_each_epoch": "dataset_type: map, which reads each row once an epoch",
    "greedy_intokens": "packing",
    "in_tokens_batching": "packing",
    "buffer_size": "packing",
    "moe_group": "expert_model_parallel_size",
    "pad_to_max_seqlen": "max_seq_len",
    "disable_ckpt_quant": "save_checkpoint_format",
    "lora_alpha": "the adapter itself",
    "dataset_type": "dataset_type",
    "amp_master_grad": "amp_master_grad",
}


@dataclass(frozen=True)
class Native:
    """Settings for PaddleFormers, the adapter's numbers, and what was said in another way."""

    settings: dict[str, Any]
    lora: dict[str, Any] | None
    told: tuple[str, ...]


def is_native(path: Path) -> bool:
    """Whether a YAML file is ERNIEKit's own: flat, where a recipe of ours has sections."""
    values, _ = read_values(path)
    return not ({"model", "training"} & values.keys())


def read_native(path: Path, overrides: Sequence[str]) -> dict[str, Any]:
    """The settings of a native file with `key=value` overrides.

    Raises UnusableInput with every key that ERNIEKit would ignore without a word.
    """
    values, lines = read_values(path)
    problems = []
    for override in overrides:
        name, equals, written = override.partition("=")
        if not equals:
            problems.append(Problem("not an override", found=override, expected="key=value"))
            continue
        values[name] = as_numbers(yaml.safe_load(written))
        lines.pop((name,), None)
    known = source_checkout_keys()
    for key in values:
        if key in known:
            continue
        close = get_close_matches(key, known, n=1, cutoff=0.7)
        cure = f"did you mean {close[0]}?" if close else "leave it out"
        what = "ERNIEKit has no such key, and would ignore it"
        problems.append(Problem(what, str(path), lines.get((key,)), key, cure=cure))
    needed = ("model_name_or_path", "output_dir", "train_dataset_path")
    problems += [
        Problem("the key is missing", str(path), field=key) for key in needed if key not in values
    ]
    if problems:
        raise UnusableInput(problems)
    return values


def in_paddleformers(path: Path, values: Mapping[str, Any]) -> Native:
    """The same training in PaddleFormers' keys, ERNIEKit's defaults written where they differ.

    Raises UnusableInput with every key that has no place there.
    """
    stage = str(values.get("stage", "SFT"))
    settings = dict(_translated(values, stage))
    problems, told = [], []
    shared = _shared_keys()
    for key, value in values.items():
        if key in _OTHERWISE:
            told.append(f"{key}: {value} is said by {_OTHERWISE[key]}")
        elif key in _RENAMED:
            settings[_RENAMED[key]] = value
        elif key in shared:
            settings[key] = value
        else:
            what, cure = "has no place in PaddleFormers", "leave it out, or install ERNIEKit 1.0.1"
            problems.append(Problem(what, str(path), field=key, found=str(value), cure=cure))
    if stage not in ("SFT", "VL-SFT"):
        cure = "install ERNIEKit 1.0.1 in an environment of its own"
        what = "only SFT and VL-SFT are handed over to PaddleFormers"
        problems.append(Problem(what, str(path), field="stage", found=stage, cure=cure))
    problems += _row_problems(values)
    if problems:
        raise UnusableInput(problems)
    return Native(settings, _lora(values), tuple(told))


def _translated(values: Mapping[str, Any], stage: str) -> Iterator[tuple[str, Any]]:
    on_cpu = values.get("device") == "cpu"
    batch = values.get("batch_size", 1)
    kind = values.get("train_dataset_type", "erniekit")
    yield from {
        "stage": stage,
        "device": "gpu",
        "sharding": "",
        "train_dataset_type": kind,
        "train_dataset_prob": "1.0",
        "eval_dataset_type": kind,
        "per_device_train_batch_size": batch,
        "per_device_eval_batch_size": batch,
        "dataset_type": "map",
        "mix_strategy": "concat",
        # ERNIEKit always packs; on a CPU nothing would keep the packed examples apart.
        "packing": not on_cpu and stage == "SFT",
        "load_checkpoint_format": "flex_checkpoint",
        "save_checkpoint_format": "flex_checkpoint",
        "convert_from_hf": True,
        "_attn_implementation": "eager" if on_cpu else "flashmask",
        "amp_master_grad": not on_cpu,
        "report_to": "none",
        "prediction_loss_only": True,
    }.items()
    if on_cpu:
        yield "compute_type", "float32"  # on a CPU ERNIEKit's bf16 computes in 32 bits, too
    if stage == "SFT":
        yield "template_backend", "jinja"
    else:
        yield from (("template_backend", "custom"), ("template", "ernie_vl"))
    if values.get("recompute"):
        yield "recompute_granularity", values.get("recompute_granularity", "full")
        yield from (("recompute_method", "uniform"), ("recompute_num_layers", 1))


def _lora(values: Mapping[str, Any]) -> dict[str, Any] | None:
    if str(values.get("fine_tuning", "LoRA")).lower() != "lora":
        return None
    rank, stable = int(values.get("lora_rank", 8)), bool(values.get("rslora", False))
    alpha = int(values.get("lora_alpha", -1))
    return {
        "r": rank,
        "lora_alpha": alpha if alpha != -1 else 4 if stable else 2 * rank,
        "rslora": stable,
        "lora_plus_scale": float(values.get("lora_plus_scale", 1.0)),
        "target_modules": [
            rf".*\.{name}" for name in ("qkv_proj", "o_proj", "up_gate_proj", "down_proj")
        ],
    }


def _row_problems(values: Mapping[str, Any]) -> list[Problem]:
    """PaddleFormers reads rows of kind erniekit without their labels, and learns every answer."""
    problems = []
    if values.get("train_dataset_type", "erniekit") != "erniekit":
        return []
    for name in str(values["train_dataset_path"]).split(","):
        file = Path(name)
        if not file.is_file():
            problems.append(Problem("is no file", file=name, field="train_dataset_path"))
            continue
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if '"label"' in line and 0 in (json.loads(line).get("label") or []):
                    what = "PaddleFormers would learn an answer that carries the label 0"
                    cure = "write the file as messages: ernie-invoice prepare --format messages"
                    problems.append(Problem(what, name, number, "label", cure=cure))
                    break
    return problems


def _shared_keys() -> frozenset[str]:
    file = Path(__file__).parent / "recipes" / "translation" / "paddleformers_keys.json"
    return frozenset(json.loads(file.read_text(encoding="utf-8"))["paddleformers 1.2.0"])

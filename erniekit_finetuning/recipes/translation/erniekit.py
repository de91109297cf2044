"""A recipe as ERNIEKit's own YAML: `erniekit train file.yaml`.

Text is written for ERNIEKit 1.0.1, the last wheel that can be imported. Mixtures of experts and
models with images are written in the keys of a source checkout's official recipes [read, not run].
"""

from __future__ import annotations

from typing import Any

from erniekit_finetuning.recipes.architecture import Architecture
from erniekit_finetuning.recipes.model import Recipe
from erniekit_finetuning.recipes.translation.shared import (
    Device,
    Files,
    length_settings,
    lora_settings,
    optimizer_settings,
)


def to_erniekit(
    recipe: Recipe, architecture: Architecture, files: Files, device: Device
) -> dict[str, Any]:
    """The settings to train `recipe`; what they cannot say is told by `erniekit_limits.py`."""
    return {
        **_model(recipe, architecture, files, device),
        **_data(recipe, architecture, files),
        **_run(recipe, files),
        **_parallel(recipe, architecture),
    }


def _model(
    recipe: Recipe, architecture: Architecture, files: Files, device: Device
) -> dict[str, Any]:
    quantized = recipe.model.quantization
    settings: dict[str, Any] = {
        "stage": "VL-SFT" if architecture.sees_images else "SFT",
        "fine_tuning": "LoRA" if recipe.lora.enabled else "Full",
        "model_name_or_path": files.model,
        "device": device,
        "compute_type": "bf16" if quantized == "none" else quantized,
        "fp16_opt_level": "O2" if recipe.model.dtype == "bfloat16" else "O1",
        "unified_checkpoint": True,
        "recompute": recipe.training.gradient_checkpointing,
        "recompute_granularity": "full",
    }
    if device == "cpu":
        # Kernels that exist on GPUs only.
        settings |= {
            "fuse_rms_norm": False,
            "fuse_rope": False,
            "use_flash_attention": False,
            "use_attn_mask_start_row_indices": False,
        }
    settings |= lora_settings(recipe)
    if architecture.has_experts:
        settings |= {"moe_group": "mp"}
    if architecture is Architecture.VISION_MOE:
        settings |= {
            "multimodal": True,
            "use_moe": True,
            "moe_use_hard_gate": True,
            "moe_multimodal_dispatch_use_allgather": "v2-alltoall-unpad-text",
            "freeze_config": "freeze_vision",
        }
    return settings


def _data(recipe: Recipe, architecture: Architecture, files: Files) -> dict[str, Any]:
    kind = "erniekit"
    settings = {
        "train_dataset_type": kind,
        "train_dataset_path": str(files.train),
        "train_dataset_prob": "1.0",
        "max_seq_len": recipe.data.max_seq_len,
        "random_shuffle": True,
        "greedy_intokens": True,
        "dataloader_num_workers": 0,
    }
    if files.train.is_file():
        # The default, six million, is a list in memory with each row many times over.
        with files.train.open(encoding="utf-8") as lines:
            settings["num_samples_each_epoch"] = sum(1 for line in lines if line.strip())
    if files.validation is not None:
        settings |= {
            "eval_dataset_type": kind,
            "eval_dataset_path": str(files.validation),
            "eval_dataset_prob": "1.0",
        }
    if architecture.sees_images:
        settings["pad_to_max_seqlen"] = recipe.data.max_seq_len
    return settings


def _run(recipe: Recipe, files: Files) -> dict[str, Any]:
    training = recipe.training
    best = training.load_best_model_at_end and files.validation is not None
    settings = {
        "do_train": True,
        "do_eval": files.validation is not None,
        "output_dir": str(files.output),
        **length_settings(recipe),
        "batch_size": training.per_device_train_batch_size,  # it overwrites per_device_*
        "gradient_accumulation_steps": training.gradient_accumulation_steps,
        **optimizer_settings(recipe),
        "prediction_loss_only": True,
        "logging_strategy": "steps",
        "logging_steps": training.logging_steps,
        "save_strategy": "steps",
        "save_steps": training.save_steps,
        "save_total_limit": training.save_total_limit,
        "load_best_model_at_end": best,
        "report_to": training.report_to,
        "seed": training.seed,
        "evaluation_strategy": "no",
    }
    if files.validation is not None:
        settings |= {"evaluation_strategy": "steps", "eval_steps": training.eval_steps}
    if best:
        settings |= {"metric_for_best_model": "eval_loss", "greater_is_better": False}
    return settings


def _parallel(recipe: Recipe, architecture: Architecture) -> dict[str, Any]:
    parallel = recipe.parallel
    none = parallel.sharding == "none"
    settings: dict[str, Any] = {
        "tensor_parallel_degree": parallel.tensor,
        "pipeline_parallel_degree": parallel.pipeline,
        "sharding": "" if none else parallel.sharding,
        "sharding_parallel_degree": 1 if none else parallel.data,
        "sequence_parallel": parallel.sequence,
    }
    if parallel.pipeline > 1 and parallel.sequence:
        settings["pipeline_parallel_config"] = "disable_partial_send_recv"
    if parallel.pipeline > 1 and architecture.sees_images:
        settings |= {"pp_need_data": True, "pp_need_data_degree": parallel.pipeline}
    return settings

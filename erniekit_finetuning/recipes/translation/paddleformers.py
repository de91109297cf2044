"""A recipe as the YAML of `paddleformers-cli train`, PaddleFormers 1.2.0.

Every default that matters is written, so that nothing depends on upstream's. What upstream's
command line has no key for, or drops, is not in it: `engines/paddle/upstream_worker.py` gives that
to upstream's own classes.
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

# Upstream's names of chat templates with images; text models bring their own.
_VISION_TEMPLATES = {
    Architecture.VISION_MOE: "ernie_vl",
    Architecture.PADDLEOCR_VL: "paddleocr_vl",
}


def to_paddleformers(
    recipe: Recipe, architecture: Architecture, files: Files, device: Device
) -> dict[str, Any]:
    """The settings to train `recipe`; `paddleformers_limits.py` tells what they cannot say."""
    return {
        **_model(recipe, architecture, files, device),
        **_data(recipe, architecture, files),
        **optimizer_settings(recipe),
        **_run(recipe, files),
        **_parallel(recipe),
    }


def _model(
    recipe: Recipe, architecture: Architecture, files: Files, device: Device
) -> dict[str, Any]:
    low = recipe.precision == "bfloat16"
    whole_low = low and recipe.model.dtype == "bfloat16"
    quantized = recipe.model.quantization
    settings: dict[str, Any] = {
        "stage": "VL-SFT" if architecture.sees_images else "SFT",
        "model_name_or_path": files.model,
        # Any other format leaves the fused matrices at random values, with no more than a warning.
        "load_checkpoint_format": "flex_checkpoint",
        "save_checkpoint_format": "flex_checkpoint",
        "convert_from_hf": True,
        "fine_tuning": "LoRA" if recipe.lora.enabled else "Full",
        "device": device,
        "compute_type": quantized if quantized != "none" else "bf16" if low else "float32",
        # O2 keeps the weights in 16 bits; O1 keeps them in 32 and multiplies in 16.
        "fp16_opt_level": "O2" if whole_low else "O1",
        "amp_master_grad": low,
        "_attn_implementation": "flashmask" if device == "gpu" else "eager",
    }
    settings |= lora_settings(recipe)
    if architecture.sees_images:
        settings["freeze_config"] = "freeze_vision freeze_aligner"
    recompute = {"recompute_granularity": "full", "recompute_method": "uniform"}
    return settings | (
        recompute | {"recompute_num_layers": 1} if recipe.training.gradient_checkpointing else {}
    )


def _data(recipe: Recipe, architecture: Architecture, files: Files) -> dict[str, Any]:
    if architecture.sees_images:
        template = {"template_backend": "custom", "template": _VISION_TEMPLATES[architecture]}
    else:
        template = {"template_backend": "jinja"}  # the model's own
    settings = {
        "dataset_type": "map",
        "train_dataset_type": "messages",
        "train_dataset_path": str(files.train),
        "train_dataset_prob": "1.0",
        "mix_strategy": "concat",  # sources are mixed before upstream sees them
        "random_shuffle": True,
        "max_seq_len": recipe.data.max_seq_len,
        "packing": recipe.data.packing,
        "binpacking": True,
        "truncation_strategy": "delete",  # a row that is too long is an error, never cut
        "dataloader_num_workers": 0,
        **template,
    }
    if files.validation is not None:
        settings |= {
            "eval_dataset_type": "messages",
            "eval_dataset_path": str(files.validation),
            "eval_dataset_prob": "1.0",
        }
    return settings


def _run(recipe: Recipe, files: Files) -> dict[str, Any]:
    training = recipe.training
    batch = training.per_device_train_batch_size
    settings = {
        "do_train": True,
        "do_eval": files.validation is not None,
        "output_dir": str(files.output),
        "overwrite_output_dir": False,  # so a killed training goes on
        **length_settings(recipe),
        "per_device_train_batch_size": batch,
        "per_device_eval_batch_size": batch,
        "gradient_accumulation_steps": training.gradient_accumulation_steps,
        "prediction_loss_only": True,
        "logging_strategy": "steps",
        "logging_steps": training.logging_steps,
        "save_strategy": "steps",
        "save_steps": training.save_steps,
        "save_total_limit": training.save_total_limit,
        # With LoRA upstream does not find the best weights again, and only warns.
        "load_best_model_at_end": False,
        "report_to": "none",  # the run folder writes its own curves and events
        "seed": training.seed + 1,  # upstream refuses 0
        "evaluation_strategy": "no",
    }
    if files.validation is not None:
        settings |= {"evaluation_strategy": "steps", "eval_steps": training.eval_steps}
    return settings


def _parallel(recipe: Recipe) -> dict[str, Any]:
    parallel = recipe.parallel
    none = parallel.sharding == "none"
    settings = {
        "tensor_model_parallel_size": parallel.tensor,
        "pipeline_model_parallel_size": parallel.pipeline,
        "sequence_parallel": parallel.sequence,
        "sharding": "" if none else parallel.sharding,
        "sharding_parallel_size": 1 if none else parallel.data,
    }
    if parallel.expert > 1:
        settings |= {"expert_model_parallel_size": parallel.expert, "use_expert_parallel": True}
    return settings

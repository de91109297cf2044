"""A recipe as ERNIEKit reads it: `erniekit train FILE.yaml`.

Text models run under ERNIEKit 1.0.1 as it is installed; mixtures and models with images need its
source checkout. ERNIEKit ignores keys it does not know, so tests hold every key against its list.
"""

from __future__ import annotations

from typing import Any

from erniekit_finetuning.errors import Problem
from erniekit_finetuning.recipes.architecture import Kind
from erniekit_finetuning.recipes.model import ALL_TARGETS, Recipe
from erniekit_finetuning.recipes.translation.differences import unlike
from erniekit_finetuning.recipes.translation.files import Files

ON_CPU = {
    "device": "cpu",
    "fp16_opt_level": "O1",
    "fuse_rms_norm": False,
    "fuse_rope": False,
    "use_flash_attention": False,
    "use_attn_mask_start_row_indices": False,
}


def to_erniekit(recipe: Recipe, kind: Kind, files: Files, on_cpu: bool = False) -> dict[str, Any]:
    """The keys of its YAML file."""
    training, parallel = recipe.training, recipe.parallel
    style = "erniekit"
    translated: dict[str, Any] = {
        "stage": "VL-SFT" if kind.sees_images else "SFT",
        "model_name_or_path": recipe.model.name_or_path,
        "fine_tuning": "LoRA" if recipe.lora.enabled else "Full",
        "train_dataset_type": style,
        "train_dataset_path": files.train,
        "train_dataset_prob": "1.0",
        "max_seq_len": recipe.data.max_seq_len,
        "output_dir": files.output,
        "do_train": True,
        "num_train_epochs": training.num_train_epochs or 1,
        "max_steps": training.max_steps or -1,
        # per_device_train_batch_size is overwritten by it
        "batch_size": training.per_device_train_batch_size,
        "gradient_accumulation_steps": training.gradient_accumulation_steps,
        "learning_rate": training.learning_rate,
        "lr_scheduler_type": training.lr_scheduler_type,
        "warmup_steps": training.warmup_steps or 0,
        "adam_beta1": training.adam_beta1,
        "adam_beta2": training.adam_beta2,
        "adam_epsilon": training.adam_epsilon,
        "weight_decay": training.weight_decay,
        "max_grad_norm": training.max_grad_norm or 0.0,
        "logging_steps": training.logging_steps,
        "save_steps": training.save_steps,
        "save_total_limit": training.save_total_limit,
        "seed": training.seed,
        "compute_type": _compute(recipe),
        "fp16_opt_level": "O2",
        "unified_checkpoint": True,  # safetensors
        "tensor_parallel_degree": parallel.tensor,
        "pipeline_parallel_degree": parallel.pipeline,
        "recompute": training.gradient_checkpointing,
    }
    if recipe.lora.enabled:
        translated["lora_rank"] = recipe.lora.r
    if files.validation is not None:
        translated |= {
            "do_eval": True,
            "eval_dataset_type": style,
            "eval_dataset_path": files.validation,
            "eval_dataset_prob": "1.0",
            "evaluation_strategy": "steps",
            "eval_steps": training.eval_steps,
        }
    if parallel.sharding != "none":
        translated["sharding"] = parallel.sharding
    if kind.is_mixture:
        translated |= {"use_moe": True, "moe_group": "mp"}
    if kind is Kind.VISION_MIXTURE:
        translated |= {
            "multimodal": True,
            "moe_use_hard_gate": True,
            "moe_multimodal_dispatch_use_allgather": "v2-alltoall-unpad-text",
            "freeze_config": "freeze_vision",
            "sequence_parallel": int(parallel.sequence),
            "pp_need_data": parallel.pipeline > 1,
            "pp_need_data_degree": parallel.pipeline,
            "pre_alloc_memory": 60,
        }
    return translated | (ON_CPU if on_cpu else {})


def problems(recipe: Recipe, kind: Kind) -> list[Problem]:
    """What it cannot do."""
    lora, training = recipe.lora, recipe.training
    found = unlike(
        recipe,
        "ERNIEKit",
        [
            ("model.quantization", ["none", "wint8", "wint4/8"], None),
            ("lora.lora_alpha", 2 * lora.r, "ERNIEKit takes twice the rank, whatever is written"),
            ("lora.lora_dropout", 0.0, None),
            ("lora.bias", "none", None),
            ("lora.use_rslora", False, None),
            ("lora.modules_to_save", (), None),
            ("data.system_prompt", None, "write it into the examples"),
            ("data.chat_template", None, "its template is the tokenizer's own"),
            ("data.train_on_responses_only", True, None),
            ("training.optim", "adamw", None),
            ("training.warmup_ratio", [None, 0.0], "set training.warmup_steps"),
            ("training.early_stopping_patience", None, "engine: paddle does"),
            ("parallel.expert", 1, "experts are split with tensor"),
        ],
    )
    if set(lora.target_modules) != set(ALL_TARGETS):
        expected = ", ".join(ALL_TARGETS)
        what = "ERNIEKit adapts every matrix of the decoder"
        given = ", ".join(lora.target_modules)
        found.append(Problem(what, None, None, "lora.target_modules", given, expected))
    if recipe.precision != "bfloat16":
        what, cure = "ERNIEKit computes in bfloat16", "set model.dtype: bfloat16"
        field = "training.precision"
        found.append(Problem(what, field=field, found=recipe.precision, cure=cure))
    if kind is Kind.OCR:
        cure = "take engine: paddle or engine: hf"
        what = "ERNIEKit does not train PaddleOCR-VL"
        found.append(Problem(what, field="model.name_or_path", cure=cure))
    if training.report_to != "none":
        what, cure = "ERNIEKit writes VisualDL logs", "set training.report_to: none"
        found.append(Problem(what, field="training.report_to", cure=cure))
    return found


def _compute(recipe: Recipe) -> str:
    if recipe.model.quantization != "none":
        return recipe.model.quantization
    return "bf16"

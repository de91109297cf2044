"""A recipe as PaddleFormers 1.2 reads it: `paddleformers-cli train FILE.yaml`.

Every value is written, also where it is PaddleFormers' default: nothing depends on its version.
"""

from __future__ import annotations

from typing import Any

from erniekit_finetuning.errors import Problem
from erniekit_finetuning.recipes.architecture import Kind
from erniekit_finetuning.recipes.model import ALL_TARGETS, Recipe
from erniekit_finetuning.recipes.translation.differences import unlike
from erniekit_finetuning.recipes.translation.files import Files

TEMPLATES = {
    Kind.TEXT: "ernie_nothink",
    Kind.TEXT_MIXTURE: "ernie_nothink",
    Kind.VISION_MIXTURE: "ernie_vl_nothink",
    Kind.OCR: "paddleocr_vl",
}
# What it calls precision and quantization together.
_COMPUTE = {"wint8": "wint8", "wint4/8": "wint4/8"}
ON_CPU = {
    "device": "cpu",
    "compute_type": "float32",  # there is no bfloat16 product on a CPU
    "fp16_opt_level": "O1",
    "amp_master_grad": False,
    "_attn_implementation": "eager",  # flashmask exists on GPUs only
}


def to_paddleformers(
    recipe: Recipe, kind: Kind, files: Files, on_cpu: bool = False
) -> dict[str, Any]:
    """The keys of its YAML file."""
    training, data, parallel = recipe.training, recipe.data, recipe.parallel
    translated: dict[str, Any] = {
        "stage": "VL-SFT" if kind.sees_images else "SFT",
        "model_name_or_path": recipe.model.name_or_path,
        "fine_tuning": "LoRA" if recipe.lora.enabled else "Full",
        "train_dataset_type": "messages",
        "train_dataset_path": files.train,
        "train_dataset_prob": "1.0",
        "mix_strategy": "concat",  # the recipe's sources are mixed before
        "max_seq_len": data.max_seq_len,
        "packing": data.packing,
        "template": TEMPLATES[kind],
        "template_backend": "custom",
        "do_train": True,
        "num_train_epochs": training.num_train_epochs or 1,
        "max_steps": training.max_steps or -1,
        "per_device_train_batch_size": training.per_device_train_batch_size,
        "per_device_eval_batch_size": training.per_device_train_batch_size,
        "gradient_accumulation_steps": training.gradient_accumulation_steps,
        "learning_rate": training.learning_rate,
        "lr_scheduler_type": training.lr_scheduler_type,
        "warmup_steps": training.warmup_steps or 0,
        "warmup_ratio": training.warmup_ratio or 0.0,
        "optim": "adamw",
        "adam_beta1": training.adam_beta1,
        "adam_beta2": training.adam_beta2,
        "adam_epsilon": training.adam_epsilon,
        "weight_decay": training.weight_decay,
        "max_grad_norm": training.max_grad_norm or 0.0,
        "logging_steps": training.logging_steps,
        "save_steps": training.save_steps,
        "save_total_limit": training.save_total_limit,
        "seed": training.seed + 1,  # it refuses 0
        "output_dir": files.output,
        "compute_type": _COMPUTE.get(recipe.model.quantization, _precision(recipe)),
        "fp16_opt_level": "O2" if recipe.precision == "bfloat16" else "O1",
        "amp_master_grad": recipe.precision == "bfloat16",
        "tensor_model_parallel_size": parallel.tensor,
        "pipeline_model_parallel_size": parallel.pipeline,
        "sequence_parallel": parallel.sequence,
        "expert_model_parallel_size": parallel.expert,
    }
    if training.lr_scheduler_type == "constant" and (
        training.warmup_steps or training.warmup_ratio
    ):
        translated["lr_scheduler_type"] = "constant_with_warmup"
    if recipe.lora.enabled:
        lora = recipe.lora
        # Its command line takes 2 * lora_rank whatever is written; ours hands the recipe's over.
        translated |= {
            "lora_rank": lora.r,
            "lora_alpha": lora.lora_alpha,
            "rslora": lora.use_rslora,
        }
    if files.validation is not None:
        translated |= {
            "do_eval": True,
            "eval_dataset_type": "messages",
            "eval_dataset_path": files.validation,
            "eval_dataset_prob": "1.0",
            "evaluation_strategy": "steps",
            "eval_steps": training.eval_steps,
        }
    if parallel.sharding != "none":
        translated["sharding"] = parallel.sharding
    if training.gradient_checkpointing:
        translated |= {
            "recompute_granularity": "full",
            "recompute_method": "uniform",
            "recompute_num_layers": 1,
        }
    if kind.sees_images:
        translated["freeze_config"] = "freeze_vision"
    if training.report_to == "tensorboard":
        translated["report_to"] = ["tensorboard"]
    return translated | (ON_CPU if on_cpu else {})


def problems(recipe: Recipe, kind: Kind) -> list[Problem]:
    """What it cannot do, even when our worker hands it alpha, dropout, targets and patience."""
    with_gpu_kernels = "the hf engine does"
    found = unlike(
        recipe,
        "PaddleFormers",
        [
            ("model.quantization", ["none", "wint8", "wint4/8"], with_gpu_kernels),
            ("training.optim", "adamw", with_gpu_kernels),
            ("lora.bias", "none", None),
            ("lora.modules_to_save", (), None),
            ("data.train_on_responses_only", True, None),
            ("data.chat_template", None, "its templates are built in"),
        ],
    )
    if kind.sees_images and recipe.data.packing:
        what = "conversations with images are not packed"
        found.append(Problem(what, field="data.packing", cure="set data.packing: false"))
    fused = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))
    targets = set(recipe.lora.target_modules)
    for parts in fused:
        if targets & set(parts) and not targets >= set(parts):
            what = f"PaddleFormers adapts {', '.join(parts)} together"
            given = ", ".join(part for part in parts if part in targets)
            cure = "name all of them or none"
            field = "lora.target_modules"
            found.append(Problem(what, field=field, found=f"only {given}", cure=cure))
    if unknown := targets - set(ALL_TARGETS):
        names = ", ".join(sorted(unknown))
        what = "PaddleFormers knows the matrices of the decoder"
        expected = ", ".join(ALL_TARGETS)
        found.append(Problem(what, None, None, "lora.target_modules", names, expected))
    return found


def _precision(recipe: Recipe) -> str:
    return "bf16" if recipe.precision == "bfloat16" else "float32"

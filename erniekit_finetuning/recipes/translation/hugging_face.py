"""A recipe in the words of PEFT, bitsandbytes and TRL, for people who compare."""

from __future__ import annotations

from typing import Any

from erniekit_finetuning.errors import Problem
from erniekit_finetuning.recipes.architecture import Kind
from erniekit_finetuning.recipes.model import Recipe
from erniekit_finetuning.recipes.translation.differences import unlike
from erniekit_finetuning.recipes.translation.files import Files


def to_hugging_face(recipe: Recipe, kind: Kind, files: Files) -> dict[str, Any]:
    """Arguments by the class that takes them."""
    training, lora, data = recipe.training, recipe.lora, recipe.data
    translated: dict[str, Any] = {
        "model": {
            "class": "AutoModelForImageTextToText" if kind.sees_images else "AutoModelForCausalLM",
            "pretrained_model_name_or_path": recipe.model.name_or_path,
            "revision": recipe.model.revision,
            "dtype": recipe.model.dtype,
        },
        "SFTConfig": {
            "output_dir": files.output,
            "num_train_epochs": training.num_train_epochs or 1,
            "max_steps": training.max_steps or -1,
            "per_device_train_batch_size": training.per_device_train_batch_size,
            "gradient_accumulation_steps": training.gradient_accumulation_steps,
            "learning_rate": training.learning_rate,
            "lr_scheduler_type": training.lr_scheduler_type,
            "warmup_steps": training.warmup_steps or training.warmup_ratio or 0,
            "optim": "adamw_torch" if training.optim == "adamw" else "adamw_bnb_8bit",
            "adam_beta1": training.adam_beta1,
            "adam_beta2": training.adam_beta2,
            "adam_epsilon": training.adam_epsilon,
            "weight_decay": training.weight_decay,
            "max_grad_norm": training.max_grad_norm or 0.0,
            "bf16": recipe.precision == "bfloat16",
            "gradient_checkpointing": training.gradient_checkpointing,
            "max_length": data.max_seq_len,
            "packing": data.packing,
            "completion_only_loss": data.train_on_responses_only,
            "logging_steps": training.logging_steps,
            "eval_strategy": "no" if files.validation is None else "steps",
            "eval_steps": training.eval_steps,
            "save_steps": training.save_steps,
            "save_total_limit": training.save_total_limit,
            "load_best_model_at_end": training.load_best_model_at_end,
            "report_to": training.report_to,
            "seed": training.seed,
        },
    }
    if lora.enabled:
        translated["LoraConfig"] = {
            "r": lora.r,
            "lora_alpha": lora.lora_alpha,
            "lora_dropout": lora.lora_dropout,
            "target_modules": list(lora.target_modules),
            "bias": lora.bias,
            "use_rslora": lora.use_rslora,
            "modules_to_save": list(lora.modules_to_save) or None,
        }
    if recipe.model.quantization in ("8bit", "4bit"):
        translated["BitsAndBytesConfig"] = (
            {"load_in_8bit": True}
            if recipe.model.quantization == "8bit"
            else {
                "load_in_4bit": True,
                "bnb_4bit_quant_type": "nf4",
                "bnb_4bit_use_double_quant": True,
                "bnb_4bit_compute_dtype": recipe.model.dtype,
            }
        )
    if training.early_stopping_patience is not None:
        translated["EarlyStoppingCallback"] = {
            "early_stopping_patience": training.early_stopping_patience,
            "early_stopping_threshold": training.early_stopping_threshold,
        }
    return translated


def problems(recipe: Recipe, kind: Kind) -> list[Problem]:
    """What the hf engine cannot do."""
    on_paddle = "engine: paddle does, on several GPUs"
    found = unlike(
        recipe,
        "the hf engine",
        [
            ("model.quantization", ["none", "8bit", "4bit"], None),
            ("parallel.data", 1, on_paddle),
            ("parallel.tensor", 1, on_paddle),
            ("parallel.pipeline", 1, on_paddle),
            ("parallel.expert", 1, on_paddle),
            ("parallel.sharding", "none", on_paddle),
        ],
    )
    if kind.sees_images and recipe.data.packing:
        what = "conversations with images are not packed"
        found.append(Problem(what, field="data.packing", cure="set data.packing: false"))
    return found

"""A recipe in the words of transformers, PEFT, bitsandbytes and TRL, to compare with other work.

Our hf engine trains with PEFT, bitsandbytes and a loop of its own, not with TRL's trainer; the
section `SFTConfig` says what that trainer would be given for the same training.
"""

from __future__ import annotations

from typing import Any, Literal

from erniekit_finetuning.errors import Problem
from erniekit_finetuning.recipes.architecture import Architecture
from erniekit_finetuning.recipes.model import Recipe
from erniekit_finetuning.recipes.translation.shared import Device, Files, cannot

ENGINE = "hf"
# The language model's own matrices: bare names would also reach the vision tower.
_LANGUAGE = r".*language_model.*\.({})"


def to_hugging_face(
    recipe: Recipe, architecture: Architecture, files: Files, device: Device
) -> dict[str, Any]:
    """The keyword arguments of each class, by its name."""
    settings: dict[str, Any] = {
        "from_pretrained": {
            "pretrained_model_name_or_path": files.model,
            "revision": recipe.model.revision,
            "dtype": recipe.model.dtype,
            "use_safetensors": True,
        }
    }
    if recipe.model.quantization in ("8bit", "4bit"):
        settings["BitsAndBytesConfig"] = _quantization(recipe)
    if recipe.lora.enabled:
        settings["LoraConfig"] = _lora(recipe, architecture)
    return settings | {"SFTConfig": _training(recipe, files, device)}


def _quantization(recipe: Recipe) -> dict[str, Any]:
    if recipe.model.quantization == "8bit":
        return {"load_in_8bit": True}
    return {
        "load_in_4bit": True,
        "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_use_double_quant": True,
        "bnb_4bit_compute_dtype": recipe.model.dtype,
    }


def _lora(recipe: Recipe, architecture: Architecture) -> dict[str, Any]:
    lora = recipe.lora
    names: list[str] | str = list(lora.target_modules)
    if architecture.sees_images:
        names = _LANGUAGE.format("|".join(lora.target_modules))
    return {
        "r": lora.r,
        "lora_alpha": lora.lora_alpha,
        "lora_dropout": lora.lora_dropout,
        "target_modules": names,
        "bias": lora.bias,
        "use_rslora": lora.use_rslora,
        "modules_to_save": list(lora.modules_to_save) or None,
    }


def _training(recipe: Recipe, files: Files, device: Device) -> dict[str, Any]:
    training, data = recipe.training, recipe.data
    length: dict[str, Any] = {"max_steps": training.max_steps}
    if training.num_train_epochs is not None:
        length = {"num_train_epochs": training.num_train_epochs}
    schedule = training.lr_scheduler_type
    warms_up = bool(training.warmup_steps or training.warmup_ratio)
    settings = {
        "output_dir": str(files.output),
        **length,
        "per_device_train_batch_size": training.per_device_train_batch_size,
        "per_device_eval_batch_size": training.per_device_train_batch_size,
        "gradient_accumulation_steps": training.gradient_accumulation_steps,
        "learning_rate": training.learning_rate,
        "lr_scheduler_type": "constant_with_warmup"
        if schedule == "constant" and warms_up
        else schedule,
        # transformers 5 takes a share below 1 here; its warmup_ratio is on the way out.
        "warmup_steps": training.warmup_ratio or training.warmup_steps or 0,
        "optim": "adamw_torch" if training.optim == "adamw" else "adamw_bnb_8bit",
        "adam_beta1": training.adam_beta1,
        "adam_beta2": training.adam_beta2,
        "adam_epsilon": training.adam_epsilon,
        "weight_decay": training.weight_decay,
        "max_grad_norm": training.max_grad_norm or 0.0,
        "bf16": recipe.precision == "bfloat16",
        "use_cpu": device == "cpu",
        "gradient_checkpointing": training.gradient_checkpointing,
        "max_length": data.max_seq_len,
        "packing": data.packing,
        "assistant_only_loss": data.train_on_responses_only,
        "logging_steps": training.logging_steps,
        **_every("save", training.save_steps),
        "save_total_limit": training.save_total_limit,
        "report_to": training.report_to,
        "seed": training.seed,
    }
    if files.validation is not None:
        settings |= {
            **_every("eval", training.eval_steps),
            "load_best_model_at_end": training.load_best_model_at_end,
            "metric_for_best_model": "eval_loss",
            "greater_is_better": False,
        }
    return settings


def _every(what: str, steps: int | Literal["epoch"]) -> dict[str, Any]:
    if steps == "epoch":
        return {f"{what}_strategy": "epoch"}
    return {f"{what}_strategy": "steps", f"{what}_steps": steps}


def hugging_face_problems(
    recipe: Recipe, architecture: Architecture, device: Device
) -> list[Problem]:
    """What the hf engine cannot do of a recipe."""
    problems = []
    model, parallel = recipe.model, recipe.parallel
    if model.quantization.startswith("wint"):
        cure = "set model.quantization: 8bit or 4bit, or engine: paddle"
        problems.append(cannot(ENGINE, "model.quantization", model.quantization, cure))
    if model.quantization == "8bit" and device == "cpu":
        cure = "set model.quantization: 4bit or none, or run on a GPU"
        problems.append(cannot(ENGINE, "model.quantization", "8bit", cure, "it was not tried"))
    for name in ("tensor", "pipeline", "expert"):
        if (found := getattr(parallel, name)) > 1:
            cure = f"set parallel.{name}: 1, or engine: paddle"
            problems.append(cannot(ENGINE, f"parallel.{name}", found, cure))
    if parallel.sharding != "none":
        cure = "set parallel.sharding: none, or engine: paddle"
        problems.append(cannot(ENGINE, "parallel.sharding", parallel.sharding, cure))
    dense_parts = set(recipe.lora.target_modules) & {"gate_proj", "up_proj", "down_proj"}
    if recipe.lora.enabled and architecture is Architecture.MOE and dense_parts:
        cure = "name q_proj, k_proj, v_proj and o_proj, or train with engine: paddle"
        why = "PEFT would adapt the experts' weights and leave the other layers out"
        found = ", ".join(sorted(dense_parts))
        problems.append(cannot(ENGINE, "lora.target_modules", found, cure, why))
    return problems

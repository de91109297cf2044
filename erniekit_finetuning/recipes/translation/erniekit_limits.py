"""What ERNIEKit cannot do of a recipe, or drops without a word."""

from __future__ import annotations

from erniekit_finetuning.errors import Problem
from erniekit_finetuning.recipes.architecture import Architecture
from erniekit_finetuning.recipes.model import ALL_TARGETS, Recipe
from erniekit_finetuning.recipes.translation.shared import Device, cannot

ENGINE = "erniekit"


def erniekit_problems(recipe: Recipe, architecture: Architecture, device: Device) -> list[Problem]:
    """What ERNIEKit cannot do of a recipe, or drops without a word."""
    model, lora, data = recipe.model, recipe.lora, recipe.data
    training, parallel = recipe.training, recipe.parallel
    lost: list[tuple[bool, str, object, str]] = [
        (
            model.quantization in ("8bit", "4bit"),
            "model.quantization",
            model.quantization,
            "set wint8 or wint4/8",
        ),
        (
            recipe.precision == "float32",
            "training.precision",
            "float32",
            "set training.precision: bfloat16 (with model.dtype: float32 the weights keep 32 bits)",
        ),
        (
            architecture is Architecture.PADDLEOCR_VL or not architecture.is_paddles,
            "model.name_or_path",
            model.name_or_path,
            "set engine: hf",
        ),
        (
            device == "cpu" and architecture is not Architecture.DENSE,
            "model.name_or_path",
            model.name_or_path,
            "run on GPUs",
        ),
        (training.optim != "adamw", "training.optim", training.optim, "set training.optim: adamw"),
        (
            training.early_stopping_patience is not None,
            "training.early_stopping_patience",
            training.early_stopping_patience,
            "leave it out, or set engine: paddle",
        ),
        (
            training.num_train_epochs is not None and training.num_train_epochs % 1 != 0,
            "training.num_train_epochs",
            training.num_train_epochs,
            "give whole epochs, or training.max_steps",
        ),
        (
            recipe.data.holds_out
            and training.load_best_model_at_end
            and training.save_steps != training.eval_steps,
            "training.save_steps",
            training.save_steps,
            "make it training.eval_steps: only what is saved can be the best",
        ),
        (
            not data.packing and not architecture.sees_images,
            "data.packing",
            False,
            "set it true: ERNIEKit always packs",
        ),
        (
            not data.train_on_responses_only,
            "data.train_on_responses_only",
            False,
            "set it true, or engine: hf",
        ),
        (
            data.chat_template is not None,
            "data.chat_template",
            data.chat_template,
            "write it into the model's tokenizer_config.json",
        ),
        (
            data.end_token is not None,
            "data.end_token",
            data.end_token,
            "leave it out: the end token is the model's own",
        ),
        (
            data.longer_examples == "leave_out",
            "data.longer_examples",
            "leave_out",
            "set it refuse: ERNIEKit cuts or skips longer examples without a word",
        ),
        *(
            (value == "epoch", f"training.{key}", "epoch", "give a number of steps")
            for key, value in (
                ("eval_steps", training.eval_steps),
                ("save_steps", training.save_steps),
            )
        ),
        (
            lora.enabled and lora.lora_dropout > 0,
            "lora.lora_dropout",
            lora.lora_dropout,
            "set lora.lora_dropout: 0.0",
        ),
        (
            lora.enabled and set(lora.target_modules) != set(ALL_TARGETS),
            "lora.target_modules",
            ", ".join(lora.target_modules),
            f"name all of them: {', '.join(ALL_TARGETS)}",
        ),
        (lora.enabled and lora.bias != "none", "lora.bias", lora.bias, "set lora.bias: none"),
        (
            lora.enabled and bool(lora.modules_to_save),
            "lora.modules_to_save",
            ", ".join(lora.modules_to_save),
            "leave it out",
        ),
        (
            lora.use_rslora and model.quantization != "none",
            "lora.use_rslora",
            True,
            "set lora.use_rslora: false for a quantized model",
        ),
        (
            parallel.sharding != "none" and parallel.data == 1,
            "parallel.sharding",
            parallel.sharding,
            "set parallel.data above 1, or parallel.sharding: none",
        ),
        (
            parallel.expert > 1,
            "parallel.expert",
            parallel.expert,
            "set parallel.expert: 1: experts follow parallel.tensor (moe_group: mp)",
        ),
    ]
    return [cannot(ENGINE, field, found, cure) for holds, field, found, cure in lost if holds]

"""What a Paddle model of our own loop and its optimizer say of themselves, by the recipe's keys."""

from __future__ import annotations

from typing import Any

from erniekit_finetuning.engines.in_use import lora_settings


def model_settings(model: Any) -> dict[str, Any]:
    """Of a model with its adapters; alpha and rsLoRA are told by the scaling they come to."""
    adapted = {path: layer for path, layer in model.named_sublayers() if hasattr(layer, "parts")}
    told = [
        {"r": layer.rank, "scaling": layer.scaling, "lora_dropout": float(layer.dropout.p)}
        for layer in adapted.values()
    ]
    return {
        "model.quantization": "none",
        "model.dtype": str(next(model.named_parameters())[1].dtype).rpartition(".")[2],
        **lora_settings(told, [part for layer in adapted.values() for part in layer.parts]),
    }


def optimizer_settings(optimizer: Any) -> dict[str, Any]:
    """Of Paddle's AdamW."""
    return {
        "training.optim": type(optimizer).__name__.lower(),
        "training.adam_beta1": optimizer._beta1,
        "training.adam_beta2": optimizer._beta2,
        "training.adam_epsilon": optimizer._epsilon,
        "training.weight_decay": optimizer._weight_decay,
    }

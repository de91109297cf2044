"""What a torch model and its optimizer say of themselves, by the recipe's keys."""

from __future__ import annotations

from typing import Any

from erniekit_finetuning.engines.hf.runtime import import_torch
from erniekit_finetuning.engines.in_use import lora_settings

_QUANTIZED = {"Linear4bit": "4bit", "Linear8bitLt": "8bit"}
_OPTIMIZERS = {"AdamW": "adamw", "AdamW8bit": "adamw_8bit"}


def model_settings(model: Any) -> dict[str, Any]:
    """Of a model with its adapters, or one that is trained whole."""
    layers = dict(model.named_modules())
    adapted = {
        path: layer for path, layer in layers.items() if hasattr(layer, "lora_A") and layer.lora_A
    }
    matrices = [getattr(layer, "base_layer", layer) for layer in adapted.values()]
    kinds = {_QUANTIZED.get(type(matrix).__name__, "none") for matrix in matrices} or {"none"}
    return {
        "model.quantization": "/".join(sorted(kinds)),
        "model.dtype": _dtype(matrices or list(model.parameters())),
        "training.gradient_checkpointing": bool(model.is_gradient_checkpointing),
        "lora.bias": _bias(model),
        "lora.modules_to_save": sorted(p for p, layer in layers.items() if _is_saved(layer)),
        **lora_settings([_adapter(layer) for layer in adapted.values()], list(adapted)),
    }


def optimizer_settings(optimizer: Any) -> dict[str, Any]:
    """Of an optimizer; weight decay is that of matrices."""
    group = optimizer.param_groups[0]
    name = type(optimizer).__name__
    return {
        "training.optim": _OPTIMIZERS.get(name, name),
        "training.adam_beta1": group["betas"][0],
        "training.adam_beta2": group["betas"][1],
        "training.adam_epsilon": group["eps"],
        "training.weight_decay": group["weight_decay"],
    }


def _adapter(layer: Any) -> dict[str, Any]:
    return {
        "r": layer.r["default"],
        "lora_alpha": layer.lora_alpha["default"],
        "lora_dropout": float(getattr(layer.lora_dropout["default"], "p", 0.0)),
        "use_rslora": bool(layer.use_rslora["default"]),
    }


def _dtype(matrices: list[Any]) -> str:
    """What weights are kept in; of packed ones, what their products are computed in."""
    torch = import_torch()
    found = set()
    for matrix in matrices:
        weight = getattr(matrix, "weight", matrix)
        packed = not torch.is_floating_point(weight)
        # bitsandbytes' 8-bit matrices compute in what they are given.
        dtype = getattr(matrix, "compute_dtype", None) if packed else weight.dtype
        found.add(str(dtype).removeprefix("torch."))
    return "/".join(sorted(found))


def _bias(model: Any) -> str:
    trained = [p for p, weight in model.named_parameters() if weight.requires_grad]
    return "trained" if any(path.endswith(".bias") for path in trained) else "none"


def _is_saved(layer: Any) -> bool:
    return type(layer).__name__ == "ModulesToSaveWrapper"

"""LoRA on Paddle's fused layers: named in Hugging Face's words, checked against the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from erniekit_finetuning.engines.paddle.runtime import import_paddle
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.recipes.model import LoraSection

# Paddle's model computes these together, as one matrix with one adapter.
FUSED = {"qkv_proj": ("q_proj", "k_proj", "v_proj"), "up_gate_proj": ("gate_proj", "up_proj")}


def translate_targets(targets: Sequence[str]) -> list[str]:
    """Paddle's module names for Hugging Face's.

    Raises UnusableInput when only a part of a fused matrix is asked for.

    >>> translate_targets(["v_proj", "q_proj", "k_proj", "o_proj"])
    ['qkv_proj', 'o_proj']
    """
    names: list[str] = []
    problems = []
    for fused, parts in FUSED.items():
        asked = [part for part in parts if part in targets]
        if len(asked) == len(parts):
            names.append(fused)
        elif asked:
            problems.append(
                Problem(
                    f"the paddle engine adapts {', '.join(parts)} together",
                    field="lora.target_modules",
                    found=f"only {', '.join(asked)}",
                    cure="name all of them or none",
                )
            )
    if problems:
        raise UnusableInput(problems)
    inside = {part for parts in FUSED.values() for part in parts}
    return names + [name for name in dict.fromkeys(targets) if name not in inside]


def add_lora(model: Any, lora: LoraSection) -> Any:
    """Wrap `model` in a LoRAModel whose adapters alone are trained.

    Raises UnusableInput when a target names no module of the model.
    """
    import_paddle()
    from paddleformers.peft.lora import LoRAConfig, LoRAModel

    names = translate_targets(lora.target_modules)
    problems = [
        Problem("matches no module of this model", field="lora.target_modules", found=name)
        for name in names
        if not any(path.rpartition(".")[2] == name for path, _ in model.named_sublayers())
    ]
    if problems:
        raise UnusableInput(problems)
    config = LoRAConfig(
        r=lora.r,
        lora_alpha=lora.lora_alpha,
        lora_dropout=lora.lora_dropout,
        target_modules=[rf".*\.{name}" for name in names],
        dtype=str(model.config.dtype),
    )
    return LoRAModel(model, config)


def prepare_model(model: Any, lora: LoraSection) -> Any:
    """The model with what the recipe trains marked as trained: its adapters, or every weight."""
    if lora.enabled:
        return add_lora(model, lora)
    for weight in model.parameters():
        weight.stop_gradient = False
    return model


def lora_modules(model: Any) -> tuple[str, ...]:
    """Every module that carries an adapter, by its path."""
    return tuple(path for path, layer in model.named_sublayers() if hasattr(layer, "lora_A"))


def load_adapter(model: Any, adapter: Path) -> Any:
    """Wrap `model` with the trained adapter in the folder.

    Raises UnusableInput when the folder's tensors are not exactly this model's adapters.
    """
    paddle = import_paddle()
    from paddleformers.peft.lora import LoRAConfig, LoRAModel
    from safetensors.numpy import load_file

    config = LoRAConfig.from_pretrained(str(adapter))
    config.dtype = str(model.config.dtype)
    wrapped = LoRAModel(model, config)
    found: dict[str, Any] = {}
    for file in sorted(adapter.glob("peft_model*.safetensors")):
        found |= load_file(file)
    own = {name: weight for name, weight in wrapped.model.state_dict().items() if "lora_" in name}
    wrong = sorted(
        name
        for name in own.keys() | found.keys()
        if name not in own or name not in found or list(own[name].shape) != list(found[name].shape)
    )
    if wrong:
        what = f"{len(wrong)} tensors do not fit the base model, {wrong[0]} first"
        raise UnusableInput(Problem(what, file=str(adapter)))
    for name, weight in own.items():
        weight.set_value(paddle.to_tensor(found[name]).astype(weight.dtype))
    wrapped.eval()
    return wrapped


def merged(wrapped: Any) -> Any:
    """The plain model with its adapters added into its weights."""
    wrapped.merge()
    model = wrapped.restore_original_model()
    if not model.config.use_bias:
        # Paddle's restored layers get a bias of zeros that the base never had.
        for path, layer in model.named_sublayers():
            if path.endswith("_proj"):
                layer.bias = None
    model.eval()
    return model

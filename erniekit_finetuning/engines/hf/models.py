"""transformers' models from folders, with the adapters a recipe asks for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from erniekit_finetuning.engines.hf.runtime import ATTENTION, device, import_torch
from erniekit_finetuning.engines.initial import first_a
from erniekit_finetuning.engines.naming import no_module, refuse_targets
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.recipes.model import LoraSection, Recipe

# transformers' model types, and the class that answers.
CLASSES = {
    "ernie4_5": "AutoModelForCausalLM",
    "ernie4_5_moe": "AutoModelForCausalLM",
    "ernie4_5_vl_moe": "AutoModelForImageTextToText",
    "paddleocr_vl": "AutoModelForImageTextToText",
    "llama": "AutoModelForCausalLM",
    "gemma": "AutoModelForCausalLM",
}
TEXT_TYPES = ("ernie4_5", "ernie4_5_moe", "llama", "gemma")


def load_tokenizer(base: Path) -> Any:
    """The model's tokenizer as transformers reads it."""
    import_torch()
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(base))


def model_type(base: Path) -> str:
    """What the folder's config.json says; raises UnusableInput for one this engine lacks."""
    found = json.loads((base / "config.json").read_text(encoding="utf-8")).get("model_type")
    if found not in CLASSES:
        expected = ", ".join(CLASSES)
        raise UnusableInput(
            Problem(
                "the hf engine does not know this kind of model",
                file=str(base / "config.json"),
                field="model_type",
                found=str(found),
                expected=expected,
            )
        )
    return str(found)


def load_base(
    base: Path, dtype: str, quantization: str = "none", attention: str | None = None
) -> Any:
    """The base model on the machine's device.

    Raises UnusableInput for another kind of model, and for one without safetensors: no pickled
    weights are read.
    """
    if not any(base.glob("*.safetensors")):
        raise UnusableInput(Problem("has no *.safetensors weights", file=str(base)))
    torch = import_torch()
    import transformers

    options: dict[str, Any] = {}
    kind = model_type(base)
    if attention is not None and kind in TEXT_TYPES:
        options["attn_implementation"] = attention
    if quantization != "none":
        options["quantization_config"] = _quantized(quantization, dtype)
        options["device_map"] = {"": device()}
    model = getattr(transformers, CLASSES[kind]).from_pretrained(
        str(base), dtype=getattr(torch, dtype), use_safetensors=True, **options
    )
    return (model if quantization != "none" else model.to(device())).eval()


def build_model(recipe: Recipe, base: Path) -> tuple[Any, tuple[str, ...]]:
    """The model with what the recipe trains marked, and the modules that carry an adapter."""
    model = load_base(base, recipe.model.dtype, recipe.model.quantization, ATTENTION)
    recompute = recipe.training.gradient_checkpointing
    if recipe.model.quantization != "none":
        _prepare_quantized(model, recompute)
    elif recompute:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    if recompute:
        model.config.use_cache = False
    if not recipe.lora.enabled:
        for weight in model.parameters():
            weight.requires_grad_(True)
        return model, ()
    return model, add_lora(model, recipe.lora, recipe.training.seed)


def add_lora(model: Any, lora: LoraSection, seed: int) -> tuple[str, ...]:
    """Put PEFT's adapters into `model`, which alone are trained; return the modules with one.

    Raises UnusableInput for a target that names nothing, and when PEFT adapted other modules.
    """
    torch = import_torch()
    from peft import LoraConfig, get_peft_model

    chosen = wanted(model, lora.target_modules)
    problems = []
    names = [path for path, _ in model.named_parameters()]
    if lora.bias != "none" and not any(path.endswith(".bias") for path in names):
        cure = "set lora.bias: none"
        what = "the model has no bias to train"
        problems.append(Problem(what, field="lora.bias", found=lora.bias, cure=cure))
    saved: list[str] = []
    for name in lora.modules_to_save:
        # Whole paths: PEFT takes every module whose name ends alike, for norm each layernorm, too.
        hits = [p for p, _ in model.named_modules() if p == name or p.endswith(f".{name}")]
        saved += hits
        if not hits:
            problems.append(no_module("lora.modules_to_save", name))
    if problems:
        raise UnusableInput(problems)
    config = LoraConfig(
        r=lora.r,
        lora_alpha=lora.lora_alpha,
        lora_dropout=lora.lora_dropout,
        # Whole paths: a bare name would also reach a vision tower, or a mixture's expert weights.
        target_modules=list(chosen),
        bias=lora.bias,
        use_rslora=lora.use_rslora,
        modules_to_save=saved or None,
        # Or PEFT would train one end of a tied model and leave the other as it was.
        ensure_weight_tying=bool(
            model.config.tie_word_embeddings and {"model.embed_tokens", "lm_head"} & set(saved)
        ),
        task_type=None,
    )
    wrapped = get_peft_model(model, config)
    adapted = {
        path.removeprefix("base_model.model."): layer
        for path, layer in wrapped.named_modules()
        if hasattr(layer, "lora_A") and len(layer.lora_A)
    }
    if set(adapted) != set(chosen):
        differing = sorted(set(adapted) ^ set(chosen))
        what = f"PEFT adapted other modules than the recipe names, {differing[0]} first"
        raise UnusableInput(Problem(what, field="lora.target_modules"))
    for path, layer in adapted.items():
        weight = layer.lora_A["default"].weight
        start = first_a(path, lora.r, layer.in_features, seed)
        with torch.no_grad():
            weight.copy_(torch.from_numpy(start))
    return tuple(chosen)


def wanted(model: Any, targets: Sequence[str]) -> list[str]:
    """The matrices that `targets` name, by their last name or whole path, in the model's order.

    In a model with images they are sought in the language model alone. Raises UnusableInput when a
    target names nothing.
    """
    torch = import_torch()
    paths = [path for path, layer in model.named_modules() if isinstance(layer, torch.nn.Linear)]
    if any("language_model." in path for path in paths):
        paths = [path for path in paths if "language_model." in path]
    by_name: dict[str, list[str]] = {}
    for path in paths:
        by_name.setdefault(path.rpartition(".")[2], []).append(path)
    refuse_targets({name for name in targets if name not in by_name and name not in paths}, by_name)
    return [p for p in paths if p in targets or p.rpartition(".")[2] in targets]


def _prepare_quantized(model: Any, recompute: bool) -> None:
    """Freeze everything, and keep in float32 what is not packed: norms, embeddings, outputs."""
    from peft import prepare_model_for_kbit_training

    prepare_model_for_kbit_training(
        model, recompute, gradient_checkpointing_kwargs={"use_reentrant": False}
    )
    for layer in model.modules():
        # On CPUs with AVX512-BF16 bitsandbytes 0.50 packs matrices anew for answering as soon as a
        # model is evaluated, and in a training that goes on they pass no gradients.
        if hasattr(layer, "support_avx512bf16_for_cpu"):
            layer.support_avx512bf16_for_cpu = False


def _quantized(quantization: str, dtype: str) -> Any:
    torch = import_torch()
    from transformers import BitsAndBytesConfig

    if quantization == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, dtype),
    )

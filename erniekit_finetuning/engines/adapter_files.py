"""From trained weights to an adapter's folder, the same for every engine."""

from __future__ import annotations

from pathlib import Path

from erniekit_finetuning.adapters.adapter import Adapter, LowRank
from erniekit_finetuning.adapters.formats import write_form
from erniekit_finetuning.engines.locating import record_base
from erniekit_finetuning.engines.trainable import Arrays
from erniekit_finetuning.recipes.model import LoraSection, Recipe


def write_adapter(folder: Path, weights: Arrays, recipe: Recipe, base: Path) -> None:
    """Write a training's weights in PEFT's form, with the record of the base they belong to."""
    adapter = adapter_of(weights, recipe.lora)
    write_form("peft", folder, adapter, base, recipe.model.name_or_path)
    record_base(folder, recipe.model.name_or_path, base)


def adapter_of(weights: Arrays, lora: LoraSection) -> Adapter:
    """The trained weights, by the names of `Trainable.weights`, as an adapter."""
    end = ".lora_A"
    paths = [name.removesuffix(end) for name in weights if name.endswith(end)]
    updates = {
        path: LowRank(weights[f"{path}.lora_A"], weights[f"{path}.lora_B"]) for path in paths
    }
    whole = {name: weight for name, weight in weights.items() if ".lora_" not in name}
    return Adapter(
        updates, lora.r, float(lora.lora_alpha), lora.use_rslora, lora.lora_dropout, whole
    )

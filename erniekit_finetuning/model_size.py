"""How large a model is, from its files' headers alone."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from erniekit_finetuning.adapters.base_weights import stored_in
from erniekit_finetuning.recipes.model import LoraSection, ModelSection

_BYTES = {"none": 0.0, "8bit": 1.0, "wint8": 1.0, "4bit": 0.6, "wint4/8": 0.6}


@dataclass(frozen=True)
class Size:
    """Weights in all, the decoder's measures, and each matrix's [outputs, inputs] by its path."""

    parameters: int
    layers: int
    width: int
    inner: int
    matrices: dict[str, tuple[int, int]]

    def adapters(self, lora: LoraSection) -> int:
        """Weights of the adapters a recipe asks for."""
        names = set(lora.target_modules)
        return sum(
            lora.r * (outputs + inputs)
            for path, (outputs, inputs) in self.matrices.items()
            if {path, path.rpartition(".")[2]} & names
        )


def model_size(folder: Path) -> Size:
    """The size of the model in a folder of safetensors."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    text = config.get("text_config", config)
    parameters, matrices = 0, {}
    for name, (_, stored) in stored_in(folder).items():
        shape = stored.shape
        parameters += math.prod(shape)
        if name.endswith("_proj.weight") and len(shape) == 2:
            matrices[name.removesuffix(".weight")] = (shape[0], shape[1])
    return Size(
        parameters,
        int(text["num_hidden_layers"]),
        int(text["hidden_size"]),
        int(text["intermediate_size"]),
        matrices,
    )


def bytes_per_weight(model: ModelSection) -> float:
    """Bytes that a frozen weight takes in memory."""
    return _BYTES[model.quantization] or (2.0 if model.dtype == "bfloat16" else 4.0)

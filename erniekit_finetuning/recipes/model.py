"""The recipe: every key is honoured by the engine it names, and no other key is accepted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from erniekit_finetuning.recipes.data_section import DataSection
from erniekit_finetuning.recipes.section import AsTuple, Name, Names, Section
from erniekit_finetuning.recipes.training_section import ParallelSection, TrainingSection

ALL_TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
EngineName = Literal["paddle", "hf", "erniekit"]


class ModelSection(Section):
    """Which base model: a shipped name, a folder, or a hub name (`revision` is for hub names).

    quantization  8bit and 4bit (nf4) by bitsandbytes for the hf engine, wint8 and wint4/8 (experts
                  in 4 bits, the rest in 8) for the paddle engine on GPUs.
    """

    name_or_path: Name
    revision: str | None = None
    dtype: Literal["float32", "bfloat16"] = "float32"
    quantization: Literal["none", "8bit", "4bit", "wint8", "wint4/8"] = "none"


class LoraSection(Section):
    """Low-rank adapters; `enabled: false` trains every weight instead.

    The update is scaled by lora_alpha / r, with use_rslora by lora_alpha / sqrt(r). Targets carry
    Hugging Face's names: the last part of a module's path, or the whole path; in a model with
    images they are sought in the language model alone. `modules_to_save` are trained whole.
    """

    enabled: bool = True
    r: int = Field(default=16, ge=1)
    lora_alpha: int = Field(default=32, ge=1)
    lora_dropout: float = Field(default=0.0, ge=0, lt=1)
    target_modules: Annotated[tuple[Name, ...], AsTuple, Field(min_length=1)] = ALL_TARGETS
    bias: Literal["none", "all", "lora_only"] = "none"
    use_rslora: bool = False
    modules_to_save: Names = ()


class Recipe(Section):
    """One fine-tune, complete."""

    model: ModelSection
    lora: LoraSection = LoraSection()
    data: DataSection = DataSection()
    training: TrainingSection
    parallel: ParallelSection = ParallelSection()
    engine: EngineName = "paddle"

    @model_validator(mode="after")
    def _fits_together(self) -> Recipe:
        if self.training.early_stopping_patience is not None and not self.data.holds_out:
            raise ValueError(
                "training.early_stopping_patience needs a validation split: set "
                "data.validation_share or data.validation_file"
            )
        if self.model.quantization != "none" and not self.lora.enabled:
            raise ValueError("a quantized model cannot be trained whole: set lora.enabled: true")
        return self

    @property
    def precision(self) -> str:
        """What products are computed in."""
        return self.training.precision or self.model.dtype

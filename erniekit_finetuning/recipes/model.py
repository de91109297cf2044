"""The recipe: every key is honoured by the engine, and no other key is accepted."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Target = Literal["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
ALL_TARGETS: tuple[Target, ...] = (
    "q_proj",
    "k_proj",
    "v_proj",
    "o_proj",
    "gate_proj",
    "up_proj",
    "down_proj",
)


def _list_as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Targets = Annotated[tuple[Target, ...], BeforeValidator(_list_as_tuple), Field(min_length=1)]


class Section(BaseModel):
    """Strict and frozen: `r: true` and `r: 16.5` are errors, not 1 and 16."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=True)


class ModelSection(Section):
    """Which base model: a shipped name, a folder, or a hub name (`revision` is for hub names)."""

    name_or_path: str = Field(min_length=1)
    revision: str | None = None
    dtype: Literal["float32", "bfloat16"] = "float32"


class LoraSection(Section):
    """Low-rank adapters; `enabled: false` trains every weight instead.

    The update is scaled by lora_alpha / r. Targets carry Hugging Face's names.
    """

    enabled: bool = True
    r: int = Field(default=16, ge=1)
    lora_alpha: int = Field(default=32, ge=1)
    lora_dropout: float = Field(default=0.0, ge=0, lt=1)
    target_modules: Targets = ALL_TARGETS


class DataSection(Section):
    """How the examples are split; a longer one than `max_seq_len` tokens is an error."""

    validation_share: float = Field(default=0.1, ge=0, le=0.5)
    max_seq_len: int = Field(default=2048, ge=8)
    seed: int = Field(default=0, ge=0)


class TrainingSection(Section):
    """The optimizer's run. Steps are optimizer steps, after gradient accumulation."""

    num_train_epochs: float | None = Field(default=None, gt=0)
    max_steps: int | None = Field(default=None, ge=1)
    per_device_train_batch_size: int = Field(default=4, ge=1)
    gradient_accumulation_steps: int = Field(default=1, ge=1)
    learning_rate: float = Field(default=1e-4, gt=0)
    lr_scheduler_type: Literal["linear", "cosine", "constant"] = "linear"
    warmup_steps: int | None = Field(default=None, ge=0)
    warmup_ratio: float | None = Field(default=None, ge=0, le=1)
    weight_decay: float = Field(default=0.0, ge=0)
    max_grad_norm: float | None = Field(default=1.0, gt=0)
    logging_steps: int = Field(default=10, ge=1)
    eval_steps: int = Field(default=50, ge=1)
    save_steps: int = Field(default=50, ge=1)
    save_total_limit: int = Field(default=2, ge=1)
    seed: int = Field(default=0, ge=0, lt=2**31)

    @model_validator(mode="after")
    def _one_of_each_pair(self) -> TrainingSection:
        if (self.num_train_epochs is None) == (self.max_steps is None):
            raise ValueError("give exactly one of num_train_epochs and max_steps")
        if self.warmup_steps is not None and self.warmup_ratio is not None:
            raise ValueError("give at most one of warmup_steps and warmup_ratio")
        return self


class Recipe(Section):
    """One fine-tune, complete."""

    model: ModelSection
    lora: LoraSection = LoraSection()
    data: DataSection = DataSection()
    training: TrainingSection
    engine: Literal["paddle"] = "paddle"

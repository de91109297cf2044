"""The optimizer's run, and over how many devices it spreads."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, model_validator

from erniekit_finetuning.recipes.section import Section


def _steps_or_epoch(value: Any) -> Any:
    if value == "epoch" or (type(value) is int and value >= 1):
        return value
    raise ValueError("give a number of steps, 1 or more, or epoch")


Every = Annotated[int | Literal["epoch"], PlainValidator(_steps_or_epoch)]


class TrainingSection(Section):
    """The optimizer's run. Steps are optimizer steps, after gradient accumulation.

    `eval_steps` and `save_steps` may be `epoch`: at the end of each one.

    `precision` is what products are computed in, the model's dtype when it is not said. The best
    weights are those of the lowest validation loss; training ends early after
    `early_stopping_patience` evaluations that did not lower it by more than the threshold.
    """

    num_train_epochs: float | None = Field(default=None, gt=0)
    max_steps: int | None = Field(default=None, ge=1)
    per_device_train_batch_size: int = Field(default=4, ge=1)
    gradient_accumulation_steps: int = Field(default=1, ge=1)
    learning_rate: float = Field(default=1e-4, gt=0)
    lr_scheduler_type: Literal["linear", "cosine", "constant"] = "linear"
    warmup_steps: int | None = Field(default=None, ge=0)
    warmup_ratio: float | None = Field(default=None, ge=0, le=1)
    optim: Literal["adamw", "adamw_8bit"] = "adamw"
    adam_beta1: float = Field(default=0.9, ge=0, lt=1)
    adam_beta2: float = Field(default=0.999, ge=0, lt=1)
    adam_epsilon: float = Field(default=1e-8, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    max_grad_norm: float | None = Field(default=1.0, gt=0)
    precision: Literal["float32", "bfloat16"] | None = None
    gradient_checkpointing: bool = False
    logging_steps: int = Field(default=10, ge=1)
    eval_steps: Every = 50
    save_steps: Every = 50
    save_total_limit: int = Field(default=2, ge=1)
    load_best_model_at_end: bool = True
    early_stopping_patience: int | None = Field(default=None, ge=1)
    early_stopping_threshold: float = Field(default=0.0, ge=0)
    report_to: Literal["none", "tensorboard"] = "none"
    seed: int = Field(default=0, ge=0, lt=2**31)

    @model_validator(mode="after")
    def _one_of_each_pair(self) -> TrainingSection:
        if (self.num_train_epochs is None) == (self.max_steps is None):
            raise ValueError("give exactly one of num_train_epochs and max_steps")
        if self.warmup_steps is not None and self.warmup_ratio is not None:
            raise ValueError("give at most one of warmup_steps and warmup_ratio")
        if self.early_stopping_threshold and self.early_stopping_patience is None:
            raise ValueError("early_stopping_threshold needs early_stopping_patience")
        return self


class ParallelSection(Section):
    """Devices a training spreads over: data * tensor * pipeline of them.

    data      copies of the model, each with its share of a step's examples
    tensor    parts of each matrix; `sequence` also splits what lies between them
    pipeline  groups of layers
    sharding  what is split among the copies: stage1 the optimizer's state, stage2 the gradients,
              too, stage3 the weights, too
    expert    groups that the experts of a mixture are split into
    """

    data: int = Field(default=1, ge=1)
    tensor: int = Field(default=1, ge=1)
    pipeline: int = Field(default=1, ge=1)
    sharding: Literal["none", "stage1", "stage2", "stage3"] = "none"
    sequence: bool = False
    expert: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _fits(self) -> ParallelSection:
        if self.sequence and self.tensor == 1:
            raise ValueError("sequence needs tensor above 1")
        return self

    @property
    def devices(self) -> int:
        """Devices in all."""
        return self.data * self.tensor * self.pipeline

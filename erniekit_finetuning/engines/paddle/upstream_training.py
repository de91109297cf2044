"""A run that PaddleFormers' own trainer did, told like one of ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from erniekit_finetuning.engines.metrics_file import METRICS_FILE, MetricsFile
from erniekit_finetuning.engines.paddle.launching import launch
from erniekit_finetuning.engines.paddle.runtime import on_gpu, versions
from erniekit_finetuning.engines.protocol import Example, Metric, TrainResult
from erniekit_finetuning.model_size import model_size
from erniekit_finetuning.recipes.model import Recipe
from erniekit_finetuning.recipes.translation.shared import Device


def train_upstream(
    recipe: Recipe,
    base: Path,
    train: Sequence[Example],
    validation: Sequence[Example],
    run: Path,
    on_metric: Callable[[Metric], None],
    on_step: Callable[[int, int], None],
) -> TrainResult:
    """Train into `run`; see `Engine.train`. It counts no tokens and no memory."""
    written = MetricsFile(run / METRICS_FILE)

    def kept(metric: Metric) -> None:
        written.add(metric)
        on_metric(metric)

    device: Device = "gpu" if on_gpu() else "cpu"
    done = launch(recipe, base, train, validation, run, kept, on_step, device)
    size = model_size(base)
    return TrainResult(
        model=done.adapter or run / "adapter",
        steps=done.steps,
        train_loss=done.train_loss,
        eval_loss=done.eval_loss,
        best_step=done.best_step,
        stopped_early=done.stopped_early,
        train_examples=len(train),
        validation_examples=len(validation),
        trained_token_share=None,
        sequences=len(train),
        padding_before=None,
        trainable_parameters=size.adapters(recipe.lora),
        total_parameters=size.parameters,
        lora_modules=recipe.lora.target_modules,
        seconds=done.seconds,
        tokens_per_second=None,
        peak_memory_mb=None,
        resumed_from_step=None,
        shown_example="\n".join(f"{m.role}: {m.content}" for m in train[0].messages),
        versions=versions(),
    )

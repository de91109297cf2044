"""The training loop, top to bottom.

Everything random is drawn from the recipe's seeds and the step's number, so a training that was
killed and started again takes the same steps as one that was not.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from erniekit_finetuning.engines.batches import IGNORED, Batch, collate, epoch_batches
from erniekit_finetuning.engines.encoding import Encoded
from erniekit_finetuning.engines.paddle.checkpoints import (
    Progress,
    load_checkpoint,
    newest,
    prune,
    save_checkpoint,
    save_weights,
    step_of,
    trained_weights,
)
from erniekit_finetuning.engines.paddle.runtime import import_paddle, on_gpu
from erniekit_finetuning.engines.protocol import Metric
from erniekit_finetuning.engines.schedule import learning_rate, steps_per_epoch, total_steps
from erniekit_finetuning.recipes.model import TrainingSection


def run_training(
    model: Any,
    training: TrainingSection,
    train: Sequence[Encoded],
    validation: Sequence[Encoded],
    checkpoints: Path,
    on_metric: Callable[[Metric], None],
    on_step: Callable[[int, int], None],
) -> tuple[Progress, int | None]:
    """Train `model` in place; return the final progress and the step it was resumed from.

    The best weights end up in checkpoints/best-<step>.safetensors: by validation loss, or the last
    ones when nothing was held out.
    """
    paddle = import_paddle()
    weights = list(trained_weights(model).values())
    optimizer = paddle.optimizer.AdamW(
        learning_rate=training.learning_rate,
        parameters=weights,
        weight_decay=training.weight_decay,
        # Norm weights and biases are scales and offsets: decay would pull them off their meaning.
        apply_decay_param_fun={w.name for w in weights if w.ndim > 1}.__contains__,
        multi_precision=True,
    )
    progress, resumed = Progress(), None
    checkpoint = newest(checkpoints)
    if checkpoint is not None:
        progress = load_checkpoint(checkpoint, model, optimizer)
        resumed = progress.step
        # A better one may have been found after this checkpoint; it will be found again.
        for file in checkpoints.glob("best-*.safetensors"):
            if step_of(file) > progress.step:
                file.unlink()

    total = total_steps(len(train), training)
    per_epoch = steps_per_epoch(len(train), training)
    lengths = [len(row.tokens) for row in train]
    rows_at_once = training.per_device_train_batch_size if on_gpu() else 1
    model.train()
    while progress.step < total:
        started = time.monotonic()
        step = progress.step + 1
        rows = [train[i] for i in step_rows(lengths, training, per_epoch, step)]
        paddle.seed(training.seed * 1_000_003 + step)  # dropout depends on nothing but the step
        rate = learning_rate(step, total, training)
        optimizer.set_lr(rate)
        loss_sum, tokens = _accumulate(model, rows, rows_at_once)
        norm = _clip(weights, training.max_grad_norm)
        optimizer.step()
        optimizer.clear_grad()

        progress.step = step
        progress.window_loss += loss_sum
        progress.window_tokens += tokens
        progress.tokens += sum(len(row.tokens) for row in rows)
        progress.seconds += time.monotonic() - started
        evaluated = None
        if validation and (step % training.eval_steps == 0 or step == total):
            evaluated = evaluate(model, validation, rows_at_once)
        if step % training.logging_steps == 0 or step == total or evaluated is not None:
            progress.last_loss = progress.window_loss / progress.window_tokens
            progress.window_loss, progress.window_tokens = 0.0, 0
            speed = progress.tokens / progress.seconds
            epoch = step / per_epoch
            on_metric(Metric(step, epoch, progress.last_loss, evaluated, rate, norm, speed))
        best = progress.best_eval_loss
        improved = evaluated is not None and (best is None or evaluated < best)
        if improved or (not validation and step == total):
            progress.best_step, progress.best_eval_loss = step, evaluated
            save_weights(checkpoints / f"best-{step:06d}.safetensors", trained_weights(model))
        if step % training.save_steps == 0 or step == total:
            save_checkpoint(checkpoints / f"step-{step:06d}", model, optimizer, progress)
            prune(checkpoints, training.save_total_limit, progress.best_step)
        on_step(step, total)
    model.eval()
    return progress, resumed


def step_rows(
    lengths: Sequence[int], training: TrainingSection, per_epoch: int, step: int
) -> list[int]:
    """Which examples optimizer step `step`, counted from 1, learns from."""
    epoch, place = divmod(step - 1, per_epoch)
    batches = epoch_batches(lengths, training.per_device_train_batch_size, training.seed, epoch)
    count = training.gradient_accumulation_steps
    return list(itertools.chain.from_iterable(batches[place * count : (place + 1) * count]))


def evaluate(model: Any, rows: Sequence[Encoded], rows_at_once: int) -> float:
    """Mean loss of an answer token over all rows."""
    paddle = import_paddle()
    model.eval()
    with paddle.no_grad():
        batches = list(_batches(sorted(rows, key=lambda row: len(row.tokens)), rows_at_once))
        losses = [float(summed_loss(model, batch)) for batch in batches]
    model.train()
    return sum(losses) / sum(batch.trained_tokens for batch in batches)


def summed_loss(model: Any, batch: Batch) -> Any:
    """Cross-entropy summed over the trained positions; only these reach the output layer."""
    paddle = import_paddle()
    causal = getattr(model, "model", model) if hasattr(model, "lora_config") else model
    hidden = causal.model(paddle.to_tensor(batch.tokens), return_dict=True).last_hidden_state
    chosen = (batch.labels != IGNORED).reshape(-1).nonzero()[0]
    states = hidden.reshape([-1, hidden.shape[-1]]).index_select(paddle.to_tensor(chosen))
    logits = causal.lm_head(states.unsqueeze(0)).squeeze(0).astype("float32")
    labels = paddle.to_tensor(batch.labels.reshape(-1)[chosen])
    return paddle.nn.functional.cross_entropy(logits, labels, reduction="sum")


def _accumulate(model: Any, rows: Sequence[Encoded], rows_at_once: int) -> tuple[float, int]:
    # One row at a time is fastest on a CPU: no padding, and small tensors stay in its caches.
    batches = list(_batches(rows, rows_at_once))
    tokens = sum(batch.trained_tokens for batch in batches)
    total = 0.0
    for batch in batches:
        loss = summed_loss(model, batch)
        (loss / tokens).backward()
        total += float(loss)
    return total, tokens


def _batches(rows: Sequence[Encoded], rows_at_once: int) -> list[Batch]:
    cut = range(0, len(rows), rows_at_once)
    return [collate(rows[start : start + rows_at_once], pad_token=0) for start in cut]


def _clip(weights: Sequence[Any], limit: float | None) -> float:
    paddle = import_paddle()
    grads = [weight.grad for weight in weights if weight.grad is not None]
    squares = [(grad.astype("float32") ** 2).sum() for grad in grads]
    norm = float(paddle.stack(squares).sum().sqrt())
    if limit is not None and norm > limit:
        with paddle.no_grad():
            for grad in grads:
                grad.scale_(limit / norm)
    return norm

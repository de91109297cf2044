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

from erniekit_finetuning.engines.batches import epoch_batches
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
from erniekit_finetuning.engines.paddle.gradients import accumulate, clip, mean_loss
from erniekit_finetuning.engines.paddle.helpers import Helper
from erniekit_finetuning.engines.paddle.runtime import import_paddle, on_gpu
from erniekit_finetuning.engines.protocol import Metric
from erniekit_finetuning.engines.schedule import learning_rate, steps_per_epoch, total_steps
from erniekit_finetuning.recipes.training_section import TrainingSection


def run_training(
    model: Any,
    training: TrainingSection,
    train: Sequence[Encoded],
    validation: Sequence[Encoded],
    checkpoints: Path,
    on_metric: Callable[[Metric], None],
    on_step: Callable[[int, int], None],
    helpers: Sequence[Helper] = (),
) -> tuple[Progress, int | None]:
    """Train `model` in place; return the final progress and the step it was resumed from.

    `helpers` hold copies of the model and take their share of every step.

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
    # One row at a time is fastest on a CPU: no padding, and small tensors stay in its caches.
    rows_at_once = training.per_device_train_batch_size if on_gpu() else 1
    model.train()
    while progress.step < total:
        started = time.monotonic()
        step = progress.step + 1
        rows = [train[i] for i in step_rows(lengths, training, per_epoch, step)]
        rate = learning_rate(step, total, training)
        optimizer.set_lr(rate)
        seed = (training.seed * 1_000_003 + step) * 1_009
        loss_sum, tokens = take_gradients(model, rows, seed, rows_at_once, helpers)
        norm = clip(weights, training.max_grad_norm)
        optimizer.step()
        optimizer.clear_grad()

        progress.step = step
        progress.window_loss += loss_sum
        progress.window_tokens += tokens
        progress.tokens += sum(len(row.tokens) for row in rows)
        progress.seconds += time.monotonic() - started
        evaluated = None
        if validation and (step % training.eval_steps == 0 or step == total):
            evaluated = mean_loss(model, validation, rows_at_once)
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


def take_gradients(
    model: Any,
    rows: Sequence[Encoded],
    first_seed: int,
    rows_at_once: int,
    helpers: Sequence[Helper],
) -> tuple[float, int]:
    """Leave the gradients of the mean answer token's loss in the weights.

    Returns the loss summed over the answer tokens, and their number.
    """
    paddle = import_paddle()
    tokens = sum(len(row.tokens) - row.answer_start for row in rows)
    shares = share_out([len(row.tokens) for row in rows], 1 + len(helpers))
    asked = list(zip(helpers, shares[1:], strict=False))  # a last batch may be small
    for helper, share in asked:
        seeds = [first_seed + i for i in share]
        helper.ask(model, [rows[i] for i in share], seeds, tokens)
    own = [rows[i] for i in shares[0]]
    seeds = [first_seed + i for i in shares[0]]
    loss = accumulate(model, own, seeds, tokens, rows_at_once)
    for helper, _ in asked:
        found, their_loss = helper.answer()
        loss += their_loss
        with paddle.no_grad():
            for name, weight in trained_weights(model).items():
                weight.grad.add_(paddle.to_tensor(found[name]))
    return loss, tokens


def share_out(lengths: Sequence[int], processes: int) -> list[list[int]]:
    """Indices of the rows each process computes, about the same number of tokens each.

    >>> share_out([5, 9, 3, 2], 2)
    [[1], [0, 2, 3]]
    """
    shares: list[list[int]] = [[] for _ in range(min(processes, len(lengths)))]
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        min(shares, key=lambda share: sum(lengths[j] for j in share)).append(i)
    return shares

"""The training loop, top to bottom, for every framework.

Everything random is drawn from the recipe's seeds and the step's number, so a training that was
killed and started again takes the same steps as one that was not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from safetensors.numpy import load_file

from erniekit_finetuning.engines.batches import packs, sequences, step_rows
from erniekit_finetuning.engines.checkpoints import (
    Progress,
    best_file,
    forget_after,
    load_checkpoint,
    newest,
    prune,
    save_arrays,
    save_checkpoint,
)
from erniekit_finetuning.engines.encoding import Encoded
from erniekit_finetuning.engines.metrics_file import METRICS_FILE, MetricsFile
from erniekit_finetuning.engines.protocol import Metric
from erniekit_finetuning.engines.schedule import (
    due,
    learning_rate,
    sequences_per_step,
    total_steps,
)
from erniekit_finetuning.engines.team import Team
from erniekit_finetuning.engines.trainable import Trainable
from erniekit_finetuning.recipes.model import Recipe


@dataclass(frozen=True)
class Course:
    """The examples, and in which order they come."""

    train: Sequence[Encoded]
    validation: Sequence[Encoded]
    room: int | None  # tokens of a packed sequence; None: a sequence is an example
    per_step: int
    seed: int
    left_out: int = 0  # examples that were too long

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        train: Sequence[Encoded],
        validation: Sequence[Encoded],
        left_out: int = 0,
    ) -> Course:
        """The course of a recipe."""
        room = recipe.data.max_seq_len if recipe.data.packing else None
        per_step = sequences_per_step(recipe.training, recipe.parallel.data)
        return cls(train, validation, room, per_step, recipe.training.seed, left_out)

    @cached_property
    def lengths(self) -> list[int]:
        """Tokens of each training example."""
        return [len(row.tokens) for row in self.train]

    @cached_property
    def sequences(self) -> int:
        """How many sequences an epoch has, the same in each."""
        return len(self.order(0))

    @property
    def steps(self) -> int:
        """Optimizer steps of an epoch; the last one may be smaller."""
        return -(-self.sequences // self.per_step)

    def order(self, epoch: int) -> list[list[int]]:
        """The sequences of one epoch."""
        return sequences(self.lengths, self.room, self.seed, epoch)


def run_training(
    trainable: Trainable,
    recipe: Recipe,
    course: Course,
    run: Path,
    team: Team,
    on_metric: Callable[[Metric], None],
    on_step: Callable[[int, int], None],
) -> tuple[Progress, int | None]:
    """Train in place, into metrics.jsonl and checkpoints/ of `run`.

    Returns the final progress and the step it was resumed from.

    At the end `trainable` holds the weights of `best_step`: by validation loss, or the last ones
    when nothing was held out or the recipe does not ask for the best.
    """
    training, checkpoints = recipe.training, run / "checkpoints"
    # Written before the checkpoint that follows: no metric of a step that stays is lost.
    written = MetricsFile(run / METRICS_FILE)
    progress, resumed = Progress(), None
    checkpoint = newest(checkpoints)
    if checkpoint is not None:
        progress = load_checkpoint(checkpoint, trainable)
        resumed = progress.step
        if team.leads:
            forget_after(checkpoints, progress.step)
    epoch, order, per_epoch = -1, list[list[int]](), course.steps
    total = total_steps(per_epoch, training)
    while progress.step < total and not progress.stopped_early:
        started = time.monotonic()
        step = progress.step + 1
        if (step - 1) // per_epoch != epoch:
            epoch = (step - 1) // per_epoch
            order = course.order(epoch)
        rows = [course.train[i] for i in step_rows(order, course.per_step, (step - 1) % per_epoch)]
        work = packs(rows, trainable.tokens_at_once)
        trained = sum(row.trained for row in rows)
        rate = learning_rate(step, total, training)
        seed = (training.seed * 1_000_003 + step) * 1_009
        loss = team.gradients(trainable, work, seed, trained)
        norm = trainable.update(rate, training.max_grad_norm)

        progress.step = step
        progress.window_loss += loss
        progress.window_tokens += trained
        progress.tokens += sum(len(row.tokens) for row in rows)
        progress.seconds += time.monotonic() - started
        evaluated = None
        if course.validation and (due(step, training.eval_steps, per_epoch) or step == total):
            evaluated = mean_loss(trainable, course.validation)
            _judge(progress, evaluated, recipe)
        if step % training.logging_steps == 0 or step == total or evaluated is not None:
            progress.last_loss = progress.window_loss / progress.window_tokens
            progress.window_loss, progress.window_tokens = 0.0, 0
            speed = progress.tokens / progress.seconds
            memory = trainable.peak_memory_mb()
            reached = step / per_epoch
            metric = Metric(
                step,
                reached,
                progress.last_loss,
                evaluated,
                rate,
                norm,
                speed,
                memory,
                progress.seconds,
            )
            if team.leads:
                written.add(metric)
            on_metric(metric)
        ends = step == total or progress.stopped_early
        if ends and not (course.validation and training.load_best_model_at_end):
            progress.best_step = step
        if team.leads:
            if progress.best_step == step:
                save_arrays(best_file(checkpoints, step), trainable.weights())
            if due(step, training.save_steps, per_epoch) or ends:
                save_checkpoint(checkpoints / f"step-{step:06d}", trainable, progress)
                prune(checkpoints, training.save_total_limit, progress.best_step)
        on_step(step, total)
    if team.leads:
        trainable.set_weights(load_file(best_file(checkpoints, progress.best_step)))
    return progress, resumed


def mean_loss(trainable: Trainable, rows: Sequence[Encoded]) -> float:
    """Mean loss of a learnt token over all rows, without dropout."""
    ordered = sorted(rows, key=lambda row: len(row.tokens))
    total = sum(trainable.loss(pack) for pack in packs(ordered, trainable.tokens_at_once))
    return total / sum(row.trained for row in rows)


def _judge(progress: Progress, evaluated: float, recipe: Recipe) -> None:
    """Note whether a validation loss is the best, and whether it is time to stop."""
    best, training = progress.best_eval_loss, recipe.training
    gained = best is None or evaluated < best - training.early_stopping_threshold
    progress.evaluations_without_gain = 0 if gained else progress.evaluations_without_gain + 1
    if best is None or evaluated < best:
        progress.best_eval_loss, progress.best_step = evaluated, progress.step
    patience = training.early_stopping_patience
    progress.stopped_early = patience is not None and progress.evaluations_without_gain >= patience

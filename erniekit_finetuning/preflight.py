"""Before a training starts: will it fit, on the disk and in memory, and how long will it take."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from erniekit_finetuning.engines.locating import locate_base
from erniekit_finetuning.engines.schedule import sequences_per_step, total_steps
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.mixing import Split
from erniekit_finetuning.model_size import Size, bytes_per_weight, model_size
from erniekit_finetuning.recipes.model import Recipe

# A byte-level tokenizer gives a token for 4 letters of English, one trained on a domain for 2 to 3.
LETTERS_PER_TOKEN = 3.0
FRAMEWORK_MB = 700.0  # Paddle or torch with nothing loaded


@dataclass(frozen=True)
class Estimate:
    """What a training is expected to take, before a token was counted.

    Memory counts weights, adapters with their optimizer, and the inner values that one computation
    keeps. Time is the arithmetic over what this machine's cores multiply in a second; None on a
    GPU, where a matrix on the CPU says nothing.
    """

    parameters: int
    trainable: int
    tokens: int
    memory_mb: float
    disk_mb: float
    seconds: float | None

    def __str__(self) -> str:
        text = (
            f"about {self.memory_mb:,.0f} MB of memory and {self.disk_mb:,.0f} MB of disk: "
            f"{self.parameters:,} weights, {self.trainable:,} of them trained, "
            f"about {self.tokens:,} tokens"
        )
        return text if self.seconds is None else f"{text}; about {_time(self.seconds)}"

    def to_json(self) -> dict[str, float | None]:
        """For run.json."""
        return asdict(self)


def check_before(recipe: Recipe, split: Split, output: Path) -> Estimate:
    """Estimate a training; raises UnusableInput when the disk cannot hold its checkpoints, and
    when there is nothing to train on or to judge by."""
    problems = []
    if not split.train:
        problems.append(Problem("there is nothing to train on", found="0 examples"))
    if recipe.training.early_stopping_patience is not None and not split.validation:
        cure = "give more examples, or drop training.early_stopping_patience"
        problems.append(Problem("there is no example left to validate on", cure=cure))
    estimate = estimate_of(recipe, split, model_size(locate_base(recipe)))
    output.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(output).free / 2**20
    if free < estimate.disk_mb:
        problems.append(
            Problem(
                "the disk has no room for the checkpoints",
                file=str(output),
                found=f"{free:,.0f} MB free",
                expected=f"about {estimate.disk_mb:,.0f} MB",
                cure="free some, or lower training.save_total_limit",
            )
        )
    if problems:
        raise UnusableInput(problems)
    return estimate


def estimate_of(recipe: Recipe, split: Split, size: Size) -> Estimate:
    """What a recipe takes on these examples."""
    training, data = recipe.training, recipe.data
    trainable = size.adapters(recipe.lora) if recipe.lora.enabled else size.parameters
    lengths = [
        min(
            data.max_seq_len,
            sum(len(message.content) for message in example.messages) / LETTERS_PER_TOKEN,
        )
        for example in split.train
    ]
    mean = float(np.mean(lengths)) if lengths else 0.0
    sequence = data.max_seq_len if data.packing else mean
    epoch = len(lengths) * mean
    per_epoch = -(-int(epoch / max(sequence, 1)) // sequences_per_step(training)) or 1
    steps = total_steps(per_epoch, training)
    tokens = int(epoch / per_epoch * steps)
    at_once = training.per_device_train_batch_size * max([sequence, *lengths])
    kept = 1.0 if training.gradient_checkpointing else float(size.layers)
    inner = at_once * kept * (10 * size.width + 4 * size.inner) * 4
    # AdamW keeps two moments beside a weight and its gradient, in float32.
    optimizer = trainable * 4 * (2 if training.optim == "adamw_8bit" else 4)
    weights = size.parameters * bytes_per_weight(recipe.model)
    return Estimate(
        parameters=size.parameters,
        trainable=trainable,
        tokens=tokens,
        memory_mb=FRAMEWORK_MB + (weights + optimizer + inner) / 2**20,
        # A checkpoint holds weights and two moments; one more is written before one is removed.
        disk_mb=(training.save_total_limit + 1) * trainable * 12 / 2**20 + trainable * 8 / 2**20,
        seconds=None if recipe.model.dtype == "bfloat16" else _seconds(size, tokens),
    )


def _seconds(size: Size, tokens: int) -> float:
    """Forward and backward take 2 + 2 operations a weight and token: frozen ones need no more."""
    matrix = np.ones((512, 512), np.float32)
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < 0.1:
        matrix @ matrix
        count += 1
    rate = count * 2 * 512**3 / (time.perf_counter() - started)
    return 4 * size.parameters * tokens / rate


def _time(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} s"
    return f"{minutes} minutes" if minutes < 120 else f"{minutes / 60:.0f} hours"

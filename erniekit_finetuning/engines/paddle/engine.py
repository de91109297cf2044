"""The paddle engine: what the protocol asks for, put together."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from erniekit_finetuning.engines.encoding import Encoded, encode_examples, full_text
from erniekit_finetuning.engines.paddle.checkpoints import load_weights, trained_weights
from erniekit_finetuning.engines.paddle.generation import PaddleReader
from erniekit_finetuning.engines.paddle.helpers import Helper, helpers_worthwhile
from erniekit_finetuning.engines.paddle.loading import (
    load_base,
    load_tokenizer,
    locate,
    record_base,
)
from erniekit_finetuning.engines.paddle.loop import run_training
from erniekit_finetuning.engines.paddle.lora import (
    load_adapter,
    lora_modules,
    merged,
    prepare_model,
)
from erniekit_finetuning.engines.paddle.merging import merge_adapter, remove_leftovers, save_model
from erniekit_finetuning.engines.paddle.runtime import import_paddle, on_gpu, versions
from erniekit_finetuning.engines.protocol import Example, Metric, Reader, TrainResult
from erniekit_finetuning.engines.schedule import total_steps
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.files import written_whole
from erniekit_finetuning.recipes.model import Recipe


class PaddleEngine:
    """Trains, loads and merges dense ERNIE-4.5 text models with Paddle."""

    def train(
        self,
        recipe: Recipe,
        train: Sequence[Example],
        validation: Sequence[Example],
        run: Path,
        on_metric: Callable[[Metric], None],
        on_step: Callable[[int, int], None],
    ) -> TrainResult:
        """Train into `run`; see `Engine.train`."""
        if not train:
            raise UnusableInput(Problem("there is nothing to train on", found="0 examples"))
        source = locate(recipe.model.name_or_path, recipe.model.revision)
        if source.adapter is not None:
            cure = "merge it into its base first and give the merged folder"
            what = "an adapter is no base model"
            raise UnusableInput(Problem(what, field="model.name_or_path", cure=cure))
        tokenizer = load_tokenizer(source.base)
        encoded = encode_examples(tokenizer, [*train, *validation], recipe.data.max_seq_len)
        paddle = import_paddle()
        paddle.seed(recipe.training.seed)
        base = load_base(source.base, recipe.model.dtype)
        check_context(recipe, int(base.config.max_position_embeddings))
        total = _count(base.parameters())
        model = prepare_model(base, recipe.lora)
        helpers = start_helpers(recipe, source.base, total, encoded[: len(train)])
        try:
            progress, resumed = run_training(
                model,
                recipe.training,
                encoded[: len(train)],
                encoded[len(train) :],
                run / "checkpoints",
                on_metric,
                on_step,
                helpers,
            )
        finally:
            for helper in helpers:
                helper.close()
        best = run / "checkpoints" / f"best-{progress.best_step:06d}.safetensors"
        load_weights(best, model)
        trainable = _count(trained_weights(model).values())
        written = run / ("adapter" if recipe.lora.enabled else "model")
        with written_whole(written) as aside:
            if recipe.lora.enabled:
                model.save_pretrained(str(aside), save_model_config=False)
                remove_leftovers(aside)
                record_base(aside, recipe.model.name_or_path, source.base)
            else:
                save_model(base, source.base, aside)
        trained = sum(len(row.tokens) - row.answer_start for row in encoded[: len(train)])
        return TrainResult(
            model=written,
            steps=progress.step,
            train_loss=progress.last_loss,
            eval_loss=progress.best_eval_loss,
            best_step=progress.best_step,
            train_examples=len(train),
            validation_examples=len(validation),
            trained_token_share=trained / sum(len(row.tokens) for row in encoded[: len(train)]),
            trainable_parameters=trainable,
            total_parameters=total,
            lora_modules=lora_modules(base),
            seconds=progress.seconds,
            tokens_per_second=progress.tokens / max(progress.seconds, 1e-9),
            peak_memory_mb=_peak_memory_mb(),
            resumed_from_step=resumed,
            shown_example=full_text(tokenizer, train[0]),
            versions=versions(),
        )

    def load(self, model: str | Path, batch_size: int = 16) -> Reader:
        """Load for answering; see `Engine.load`."""
        source = locate(model)
        tokenizer = load_tokenizer(source.base)
        base = load_base(source.base, "bfloat16" if on_gpu() else "float32")
        if source.adapter is not None:
            # Unmerged, two in three matrix products of a step would be the adapter's.
            base = merged(load_adapter(base, source.adapter))
        return PaddleReader(base, tokenizer, batch_size)

    def merge(self, adapter: str | Path, output: Path, prompts: Sequence[str]) -> float:
        """Write base and adapter as one proven model; see `Engine.merge`."""
        return merge_adapter(locate(adapter), output, prompts)


def check_context(recipe: Recipe, context: int) -> None:
    """Raise UnusableInput when examples may be longer than the model can see."""
    if recipe.data.max_seq_len > context:
        what = "is longer than the model's context"
        found, expected = str(recipe.data.max_seq_len), f"at most {context}"
        raise UnusableInput(Problem(what, field="data.max_seq_len", found=found, expected=expected))


def start_helpers(
    recipe: Recipe, base: Path, parameters: int, rows: Sequence[Encoded]
) -> list[Helper]:
    """Start a helper for every further core that would shorten this training."""
    training = recipe.training
    rows_per_step = training.per_device_train_batch_size * training.gradient_accumulation_steps
    steps = total_steps(len(rows), training)
    mean_length = sum(len(row.tokens) for row in rows) / len(rows)
    count = helpers_worthwhile(
        parameters, int(steps * rows_per_step * mean_length), min(rows_per_step, len(rows))
    )
    return [Helper(base, recipe.lora) for _ in range(count)]


def _count(weights: Any) -> int:
    return sum(int(weight.size) for weight in weights)


def _peak_memory_mb() -> float:
    if on_gpu():
        return float(import_paddle().device.cuda.max_memory_allocated()) / 2**20
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit

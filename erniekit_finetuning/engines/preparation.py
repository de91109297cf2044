"""From a recipe and its examples to what the loop runs, and from its end to a result."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from erniekit_finetuning.engines.batches import padding_share
from erniekit_finetuning.engines.checkpoints import Progress
from erniekit_finetuning.engines.encoding import Encoder
from erniekit_finetuning.engines.helpers import Helpers, helpers_worthwhile
from erniekit_finetuning.engines.locating import Source
from erniekit_finetuning.engines.loop import Course
from erniekit_finetuning.engines.prompting import Prompting, read_prompting
from erniekit_finetuning.engines.protocol import Example, TrainResult
from erniekit_finetuning.engines.schedule import total_steps, warnings
from erniekit_finetuning.engines.team import Alone, Team
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.recipes.model import Recipe


def make_encoder(tokenizer: Any, prompting: Prompting, responses_only: bool = True) -> Encoder:
    """An encoder that asks as `prompting` says.

    Raises UnusableInput when the model's vocabulary has no such end token.
    """
    if prompting.chat_template is not None:
        tokenizer.chat_template = prompting.chat_template
    if (end := prompting.end_token) is not None:
        if len(tokenizer(end, add_special_tokens=False)["input_ids"]) != 1:
            cure = "take a base that knows it, or a template that ends answers as the base does"
            what = "is not one token of the model's vocabulary, so no answer could end with it"
            raise UnusableInput(Problem(what, field="data.end_token", found=end, cure=cure))
        tokenizer.eos_token = end  # whoever asks for the end of an answer asks the tokenizer
    return Encoder(tokenizer, prompting.system_prompt, responses_only)


def reading_encoder(tokenizer: Any, source: Source) -> Encoder:
    """An encoder that asks a model as it was trained to be asked."""
    return make_encoder(tokenizer, read_prompting(source.adapter or source.base))


def make_course(
    recipe: Recipe, encoder: Encoder, train: Sequence[Example], validation: Sequence[Example]
) -> Course:
    """Encode all examples; raises UnusableInput with everything wrong with any of them."""
    if not train:
        raise UnusableInput(Problem("there is nothing to train on", found="0 examples"))
    limit = recipe.data.max_seq_len
    if recipe.data.longer_examples == "refuse":
        encoded = encoder.all([*train, *validation], limit)
        return Course.of(recipe, encoded[: len(train)], encoded[len(train) :])
    encoded = encoder.all([*train, *validation], None)
    learnt, held = (
        [row for row in side if len(row.tokens) <= limit]
        for side in (encoded[: len(train)], encoded[len(train) :])
    )
    if not learnt:
        what = f"every example is longer than {limit} tokens"
        shortest = min(len(row.tokens) for row in encoded)
        raise UnusableInput(
            Problem(what, field="data.max_seq_len", found=f"{shortest} tokens and more")
        )
    return Course.of(recipe, learnt, held, len(encoded) - len(learnt) - len(held))


def check_context(recipe: Recipe, context: int) -> None:
    """Raise UnusableInput when examples may be longer than the model can see."""
    if recipe.data.max_seq_len > context:
        what = "is longer than the model's context"
        found, expected = str(recipe.data.max_seq_len), f"at most {context}"
        raise UnusableInput(Problem(what, field="data.max_seq_len", found=found, expected=expected))


def team_on_cpu(recipe: Recipe, base: Path, parameters: int, course: Course) -> Team:
    """This process, and a helper for every further core that would shorten the training."""
    steps = total_steps(course.steps, recipe.training)
    per_step = sum(course.lengths) / course.sequences * course.per_step
    count = helpers_worthwhile(
        parameters, int(steps * per_step), min(course.per_step, len(course.train))
    )
    return Helpers(recipe, base, count) if count else Alone()


def make_result(
    recipe: Recipe,
    course: Course,
    progress: Progress,
    resumed: int | None,
    **measured: Any,
) -> TrainResult:
    """What the loop left, with what the engine `measured`."""
    lengths, batch = course.lengths, recipe.training.per_device_train_batch_size
    return TrainResult(
        steps=progress.step,
        train_loss=progress.last_loss,
        eval_loss=progress.best_eval_loss,
        best_step=progress.best_step,
        stopped_early=progress.stopped_early,
        train_examples=len(course.train),
        validation_examples=len(course.validation),
        trained_token_share=sum(row.trained for row in course.train) / sum(lengths),
        sequences=course.sequences,
        padding_before=padding_share(lengths, batch, course.seed),
        seconds=progress.seconds,
        tokens_per_second=progress.tokens / max(progress.seconds, 1e-9),
        resumed_from_step=resumed,
        left_out=course.left_out,
        warnings=warnings(total_steps(course.steps, recipe.training), recipe.training),
        **measured,
    )


def processes_given() -> tuple[int, int]:
    """This process's rank and how many there are, as a distributed launcher says."""
    rank = os.environ.get("PADDLE_TRAINER_ID", os.environ.get("RANK", "0"))
    size = os.environ.get("PADDLE_TRAINERS_NUM", os.environ.get("WORLD_SIZE", "1"))
    return int(rank), int(size)

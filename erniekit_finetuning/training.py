"""Train a recipe on examples into a run folder that explains itself.

recipe.yaml    the recipe, every default filled in
run.json       versions, data fingerprint, counts, memory, time, one prompt as the model saw it
metrics.jsonl  loss, validation loss, learning rate and speed by step
curves.png     the same as a picture
adapter/       the best weights (model/ when LoRA is off)
checkpoints/   where a killed training goes on
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from erniekit_finetuning.engines.batches import split_examples
from erniekit_finetuning.engines.curves import draw_curves
from erniekit_finetuning.engines.protocol import Example, Metric, TrainResult
from erniekit_finetuning.engines.registry import get_engine
from erniekit_finetuning.engines.run_folder import METRICS_FILE, MetricsFile, open_run
from erniekit_finetuning.recipes.model import Recipe


def train(
    recipe: Recipe,
    examples: Sequence[Example],
    output: Path,
    recipe_file: Path | None = None,
) -> TrainResult:
    """Train `recipe` on `examples` into `output`, going on where a killed training stopped.

    A finished training is returned, not repeated (`already_finished`). Raises UnusableInput when
    the recipe or the examples cannot be trained, or when `output` holds another training.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    folder = open_run(output, recipe, examples, recipe_file)
    before = folder.finished()
    if before is not None:
        console.print(f"{output}: this training is finished already", highlight=False)
        return before
    kept = MetricsFile(output / METRICS_FILE)
    training, validation = split_examples(examples, recipe.data.validation_share, recipe.data.seed)
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=None)

        def on_metric(metric: Metric) -> None:
            kept.add(metric)
            bar.update(task, description=describe(metric))
            if not console.is_terminal:
                console.print(f"step {metric.step}: {describe(metric)}", highlight=False)

        result = get_engine(recipe.engine).train(
            recipe,
            training,
            validation,
            output,
            on_metric,
            lambda done, total: bar.update(task, completed=done, total=total),
        )
    draw_curves(kept.metrics, output / "curves.png")
    folder.finish(result)
    return result


def describe(metric: Metric) -> str:
    """A metric in a few words, for a person who waits.

    >>> describe(Metric(step=5, epoch=0.5, loss=1.25, tokens_per_second=900.4))
    'loss 1.250, 900 tokens/s'
    """
    parts = []
    if metric.loss is not None:
        parts.append(f"loss {metric.loss:.3f}")
    if metric.eval_loss is not None:
        parts.append(f"validation loss {metric.eval_loss:.3f}")
    if metric.tokens_per_second is not None:
        parts.append(f"{metric.tokens_per_second:.0f} tokens/s")
    return ", ".join(parts)

"""Train a recipe on examples into a run folder that explains itself.

recipe.yaml    the recipe, every default filled in
schema.json    the shape of answers, when the recipe names one; with the weights, too
run.json       versions, data fingerprint, estimate, counts, memory, time, one example as seen
metrics.jsonl  loss, validation loss, learning rate, speed and memory by step
curves.png     the same as a picture
adapter/       the best weights (model/ when LoRA is off)
checkpoints/   where a killed training goes on
tensorboard/   the metrics as events, when the recipe asks for them
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from erniekit_finetuning.engines.curves import draw_curves
from erniekit_finetuning.engines.events import events
from erniekit_finetuning.engines.memory import LESS, ran_out
from erniekit_finetuning.engines.metrics_file import METRICS_FILE, MetricsFile
from erniekit_finetuning.engines.protocol import Metric, TrainResult
from erniekit_finetuning.engines.registry import get_engine
from erniekit_finetuning.engines.run_folder import open_run
from erniekit_finetuning.engines.schedule import warnings
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.mixing import Split
from erniekit_finetuning.preflight import check_before
from erniekit_finetuning.recipes.model import Recipe

COLUMNS = (
    TextColumn("training"),
    BarColumn(),
    MofNCompleteColumn(),
    TextColumn("{task.description}"),
    TimeElapsedColumn(),
    TextColumn("left"),
    TimeRemainingColumn(),
)
CURE = f"{LESS}, or take model.dtype: bfloat16 or a quantized model on a GPU"


def train(
    recipe: Recipe, split: Split, output: Path, recipe_file: Path | None = None
) -> TrainResult:
    """Train `recipe` on `split.train` into `output`, going on where a killed training stopped.

    A finished training is returned, not repeated (`already_finished`). Raises UnusableInput when
    the recipe or the examples cannot be trained, when `output` holds another training, and when
    memory runs out.
    """
    console = Console(stderr=True)
    folder = open_run(output, recipe, [*split.train, *split.validation], recipe_file)
    before = folder.finished()
    if before is not None:
        console.print(f"{output}: this training is finished already", highlight=False)
        return before
    estimate = check_before(recipe, split, output)
    for line in (*split.sources, estimate):
        console.print(str(line), highlight=False)
    with (
        Progress(*COLUMNS, console=console) as bar,
        events(output / "tensorboard", recipe.training.report_to) as told,
        _memory_may_end(),
    ):
        task = bar.add_task("", total=None)

        def on_metric(metric: Metric) -> None:
            told(metric)
            bar.update(task, description=describe(metric))
            if not console.is_terminal:
                console.print(f"step {metric.step}: {describe(metric)}", highlight=False)

        def on_step(done: int, total: int) -> None:
            if bar.tasks[task].total is None:  # how long the training is, is known from now on
                for warning in warnings(total, recipe.training):
                    console.print(f"warning: {warning}", highlight=False)
            bar.update(task, completed=done, total=total)

        result = get_engine(recipe.engine).train(
            recipe,
            split.train,
            split.validation,
            output,
            on_metric,
            on_step,
        )
    draw_curves(MetricsFile(output / METRICS_FILE).metrics, output / "curves.png")
    folder.finish(result, estimate.to_json(), [asdict(source) for source in split.sources])
    return result


@contextmanager
def _memory_may_end() -> Iterator[None]:
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or ran_out(str(error)):
            raise UnusableInput(Problem("memory ran out in training", cure=CURE)) from error
        raise


def describe(metric: Metric) -> str:
    """A metric in a few words, for a person who waits.

    >>> describe(Metric(step=5, epoch=0.5, loss=1.25, tokens_per_second=900.4))
    'loss 1.250, 900 tokens/s'
    """
    parts = []
    if metric.loss is not None:
        parts.append(f"loss {metric.loss:.3f}")
    if metric.eval_loss is not None:
        parts.append(f"validation loss {metric.eval_loss:.3f}, perplexity {metric.perplexity:.2f}")
    if metric.tokens_per_second is not None:
        parts.append(f"{metric.tokens_per_second:.0f} tokens/s")
    return ", ".join(parts)

"""A training in this process, which may be one of several that a launcher started."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

from erniekit_finetuning.engines.adapter_files import write_adapter
from erniekit_finetuning.engines.framework import Framework
from erniekit_finetuning.engines.helpers import Helpers
from erniekit_finetuning.engines.in_use import course_settings
from erniekit_finetuning.engines.locating import locate_base
from erniekit_finetuning.engines.lock import alone_in
from erniekit_finetuning.engines.loop import Course, run_training
from erniekit_finetuning.engines.preparation import (
    check_context,
    make_course,
    make_result,
    processes_given,
    team_on_cpu,
)
from erniekit_finetuning.engines.prompting import prompting_of, write_prompting
from erniekit_finetuning.engines.protocol import Example, Metric, TrainResult
from erniekit_finetuning.engines.team import Alone, Collective, Team
from erniekit_finetuning.files import written_whole
from erniekit_finetuning.recipes.model import Recipe


def train_here(
    framework: Framework,
    recipe: Recipe,
    train: Sequence[Example],
    validation: Sequence[Example],
    run: Path,
    on_metric: Callable[[Metric], None],
    on_step: Callable[[int, int], None],
) -> TrainResult:
    """Train into `run`; see `Engine.train`."""
    base = locate_base(recipe)
    prompting = prompting_of(recipe.data)
    encoder = framework.encoder(recipe, base, prompting)
    course = make_course(recipe, encoder, train, validation)
    built = framework.build(recipe, base)
    check_context(recipe, built.context)
    total = built.parameters - (built.trained if built.lora_modules else 0)
    team = make_team(framework, recipe, base, total, course)
    try:
        with alone_in(run / "checkpoints") if team.leads else nullcontext():
            progress, resumed = run_training(
                built.trainable, recipe, course, run, team, on_metric, on_step
            )
    finally:
        team.close()
    written = run / ("adapter" if recipe.lora.enabled else "model")
    if team.leads:
        with written_whole(written) as aside:
            if recipe.lora.enabled:
                write_adapter(aside, built.trainable.weights(), recipe, base)
            else:
                framework.write_model(built.model, base, aside)
            write_prompting(aside, prompting)
    return make_result(
        recipe,
        course,
        progress,
        resumed,
        model=written,
        trainable_parameters=built.trained,
        total_parameters=total,
        lora_modules=built.lora_modules,
        peak_memory_mb=built.trainable.peak_memory_mb(),
        shown_example=encoder.shown(train[0]),
        versions=framework.versions(),
        settings=course_settings(course, encoder) | framework.settings(built),
    )


def make_team(
    framework: Framework, recipe: Recipe, base: Path, parameters: int, course: Course
) -> Team:
    """Who computes: the processes of a launcher, or this one with helpers on a CPU."""
    rank, size = processes_given()
    if size > 1:
        return Collective(rank, size, framework.join())
    if framework.on_gpu():
        return Alone()
    team = team_on_cpu(recipe, base, parameters, course)
    if isinstance(team, Helpers):
        framework.leave_cores()
    return team

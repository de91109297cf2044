"""A training in this process; the engine starts one of its own for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from erniekit_finetuning.engines.adapter_files import write_adapter
from erniekit_finetuning.engines.helpers import Helpers
from erniekit_finetuning.engines.hf import models, runtime
from erniekit_finetuning.engines.hf.images import ImageEncoder, Images
from erniekit_finetuning.engines.hf.trainable import TorchTrainable
from erniekit_finetuning.engines.locating import locate_base, sees_images
from erniekit_finetuning.engines.loop import Course, run_training
from erniekit_finetuning.engines.preparation import (
    check_context,
    make_course,
    make_encoder,
    make_result,
    processes_given,
    team_on_cpu,
)
from erniekit_finetuning.engines.prompting import prompting_of, write_prompting
from erniekit_finetuning.engines.protocol import Example, Metric, TrainResult
from erniekit_finetuning.engines.team import Alone, Collective, Team
from erniekit_finetuning.files import written_whole
from erniekit_finetuning.recipes.model import Recipe


def train(
    recipe: Recipe,
    train: Sequence[Example],
    validation: Sequence[Example],
    run: Path,
    on_metric: Callable[[Metric], None],
    on_step: Callable[[int, int], None],
) -> TrainResult:
    """Train into `run`; see `Engine.train`."""
    torch = runtime.import_torch()
    if runtime.on_gpu():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    base = locate_base(recipe)
    prompting = prompting_of(recipe.data)
    tokenizer = models.load_tokenizer(base)
    encoder = make_encoder(tokenizer, prompting, recipe.data.train_on_responses_only)
    images = Images.of(base, tokenizer) if sees_images(base) else None
    if images is not None:
        encoder = ImageEncoder(tokenizer, encoder.system, encoder.responses_only, images)
    course = make_course(recipe, encoder, train, validation)
    model, modules = models.build_model(recipe, base)
    check_context(recipe, int(model.config.get_text_config().max_position_embeddings))
    trainable = TorchTrainable(model, recipe, images)
    adapters = sum(w.numel() for w in model.parameters() if w.requires_grad)
    total = sum(w.numel() for w in model.parameters()) - (adapters if modules else 0)
    team = make_team(recipe, base, total, course)
    if isinstance(team, Helpers):
        torch.set_num_threads(1)  # the other cores are the helpers'
    try:
        progress, resumed = run_training(trainable, recipe, course, run, team, on_metric, on_step)
    finally:
        team.close()
    written = run / ("adapter" if recipe.lora.enabled else "model")
    if team.leads:
        with written_whole(written) as aside:
            if recipe.lora.enabled:
                write_adapter(aside, trainable.weights(), recipe, base)
            else:
                model.save_pretrained(str(aside))
                tokenizer.save_pretrained(str(aside))
            write_prompting(aside, prompting)
    return make_result(
        recipe,
        course,
        progress,
        resumed,
        model=written,
        trainable_parameters=adapters,
        total_parameters=total,
        lora_modules=modules,
        peak_memory_mb=trainable.peak_memory_mb(),
        shown_example=encoder.shown(train[0]),
        versions=runtime.versions(),
    )


def make_team(recipe: Recipe, base: Path, parameters: int, course: Course) -> Team:
    """Who computes: the processes of a launcher, or this one with helpers on a CPU."""
    rank, size = processes_given()
    if size == 1:
        return Alone() if runtime.on_gpu() else team_on_cpu(recipe, base, parameters, course)
    torch = runtime.import_torch()

    def summed(number: float) -> float:
        total = torch.tensor([number], dtype=torch.float64, device=runtime.device())
        torch.distributed.all_reduce(total)
        return float(total)

    torch.distributed.init_process_group("nccl" if runtime.on_gpu() else "gloo")
    return Collective(rank, size, summed)

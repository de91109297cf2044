"""The paddle engine: what the protocol asks for, put together."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.engines.adapter_files import write_adapter
from erniekit_finetuning.engines.locating import locate, locate_base
from erniekit_finetuning.engines.loop import run_training
from erniekit_finetuning.engines.paddle.adapter_files import attach_adapter, merge_in_place
from erniekit_finetuning.engines.paddle.generation import PaddleScorer
from erniekit_finetuning.engines.paddle.loading import load_base, load_tokenizer
from erniekit_finetuning.engines.paddle.lora import add_lora
from erniekit_finetuning.engines.paddle.runtime import import_paddle, on_gpu, versions
from erniekit_finetuning.engines.paddle.saving import save_model
from erniekit_finetuning.engines.paddle.trainable import PaddleTrainable
from erniekit_finetuning.engines.paddle.upstream_training import train_upstream
from erniekit_finetuning.engines.preparation import (
    check_context,
    make_course,
    make_encoder,
    make_result,
    processes_given,
    team_on_cpu,
)
from erniekit_finetuning.engines.processes import train_apart
from erniekit_finetuning.engines.prompting import (
    prompting_of,
    read_prompting,
    write_prompting,
)
from erniekit_finetuning.engines.protocol import Example, Metric, Reader, TrainResult
from erniekit_finetuning.engines.reading import GreedyReader
from erniekit_finetuning.engines.team import Alone, Collective, Team
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.files import written_whole
from erniekit_finetuning.recipes.architecture import architecture_in
from erniekit_finetuning.recipes.model import Recipe
from erniekit_finetuning.recipes.translation.paddleformers_limits import (
    needs_upstream,
    paddle_problems,
)
from erniekit_finetuning.recipes.translation.shared import Device


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
        base = locate_base(recipe)
        architecture = architecture_in(base)
        device: Device = "gpu" if on_gpu() else "cpu"
        if problems := paddle_problems(recipe, architecture, device):
            raise UnusableInput(problems)
        if needs_upstream(recipe, architecture):
            return train_upstream(recipe, base, train, validation, run, on_metric, on_step)
        if recipe.parallel.data > 1 and processes_given()[1] == 1:
            return train_apart(
                recipe,
                train,
                validation,
                run,
                on_metric,
                on_step,
                launcher(recipe.parallel.data, run / "logs"),
            )
        return self.train_here(recipe, train, validation, run, on_metric, on_step)

    def train_here(
        self,
        recipe: Recipe,
        train: Sequence[Example],
        validation: Sequence[Example],
        run: Path,
        on_metric: Callable[[Metric], None],
        on_step: Callable[[int, int], None],
    ) -> TrainResult:
        """Train in this process, which may be one of several that a launcher started."""
        base = locate_base(recipe)
        prompting = prompting_of(recipe.data)
        encoder = make_encoder(load_tokenizer(base), prompting, recipe.data.train_on_responses_only)
        course = make_course(recipe, encoder, train, validation)
        model, modules = build_model(recipe, base)
        check_context(recipe, int(model.config.max_position_embeddings))
        trainable = PaddleTrainable(model, recipe)
        adapters = sum(int(w.size) for w in model.parameters() if not w.stop_gradient)
        total = sum(int(w.size) for w in model.parameters()) - (adapters if modules else 0)
        team = make_team(recipe, base, total, course)
        try:
            progress, resumed = run_training(
                trainable, recipe, course, run, team, on_metric, on_step
            )
        finally:
            team.close()
        written = run / ("adapter" if recipe.lora.enabled else "model")
        if team.leads:
            with written_whole(written) as aside:
                if recipe.lora.enabled:
                    write_adapter(aside, trainable.weights(), recipe, base)
                else:
                    save_model(model, base, aside)
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
            versions=versions(),
        )

    def load(self, model: str | Path, batch_size: int = 16) -> Reader:
        """Load for answering; see `Engine.load`."""
        source = locate(model)
        base = load_base(source.base, "bfloat16" if on_gpu() else "float32")
        # Unmerged, two in three matrix products of a step would be the adapter's.
        merge_in_place(base, source)
        prompting = read_prompting(source.adapter or source.base)
        encoder = make_encoder(load_tokenizer(source.base), prompting)
        return GreedyReader(PaddleScorer(base), encoder, batch_size)

    def logits(self, model: str | Path, prompts: Sequence[str]) -> list[NDArray[np.float32]]:
        """The logits after each token of each prompt; see `Engine.logits`."""
        source = locate(model)
        network = load_base(source.base, "float32")
        attach_adapter(network, source)
        encoder = make_encoder(
            load_tokenizer(source.base), read_prompting(source.adapter or source.base)
        )
        return [logits(network, encoder.prompt(prompt)) for prompt in prompts]


def launcher(processes: int, logs: Path) -> tuple[str, ...]:
    """Paddle's own launcher: one process a GPU, or as many on this machine's CPU."""
    on_cpu = () if on_gpu() else ("--backend", "gloo")
    count = ("--nproc_per_node", str(processes))
    told = ("--log_dir", str(logs))
    return (sys.executable, "-m", "paddle.distributed.launch", *count, *on_cpu, *told)


def build_model(recipe: Recipe, base: Path) -> tuple[Any, tuple[str, ...]]:
    """The model with what the recipe trains marked, and the modules that carry an adapter."""
    model = load_base(
        base, recipe.model.dtype, training=True, recompute=recipe.training.gradient_checkpointing
    )
    if recipe.lora.enabled:
        return model, add_lora(model, recipe.lora, recipe.training.seed)
    for weight in model.parameters():
        weight.stop_gradient = False
    return model, ()


def make_team(recipe: Recipe, base: Path, parameters: int, course: Any) -> Team:
    """Who computes: the processes of a launcher, or this one with helpers on a CPU."""
    rank, size = processes_given()
    if size > 1:
        import_paddle().distributed.init_parallel_env()
        return Collective(rank, size, _summed)
    return Alone() if on_gpu() else team_on_cpu(recipe, base, parameters, course)


def logits(model: Any, tokens: Sequence[int]) -> NDArray[np.float32]:
    """The logits after each token of one text: [tokens, vocabulary]."""
    paddle = import_paddle()
    with paddle.no_grad():
        out = model(paddle.to_tensor([list(tokens)]), return_dict=True)
    return np.asarray(out.logits[0].astype("float32").numpy())


def _summed(number: float) -> float:
    paddle = import_paddle()
    total = paddle.to_tensor([number], dtype="float64")
    paddle.distributed.all_reduce(total)
    return float(total)

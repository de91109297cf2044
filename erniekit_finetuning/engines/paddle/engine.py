"""The paddle engine: what the protocol asks for, put together."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.engines.locating import Source, locate, locate_base
from erniekit_finetuning.engines.paddle.adapter_files import attach_adapter, merge_in_place
from erniekit_finetuning.engines.paddle.framework import PaddleFramework
from erniekit_finetuning.engines.paddle.generation import scorer_of
from erniekit_finetuning.engines.paddle.loading import load_base, load_tokenizer
from erniekit_finetuning.engines.paddle.runtime import import_paddle, on_gpu
from erniekit_finetuning.engines.paddle.upstream_training import train_upstream
from erniekit_finetuning.engines.preparation import processes_given, reading_encoder
from erniekit_finetuning.engines.processes import train_apart
from erniekit_finetuning.engines.protocol import Example, Message, Metric, Reader, TrainResult
from erniekit_finetuning.engines.reading import GreedyReader
from erniekit_finetuning.engines.training_here import train_here
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.recipes.architecture import architecture_in
from erniekit_finetuning.recipes.model import Recipe
from erniekit_finetuning.recipes.translation.paddleformers_limits import (
    needs_upstream,
    paddle_problems,
)
from erniekit_finetuning.recipes.translation.shared import Device


class PaddleEngine:
    """Trains with Paddle, and reads with dense ERNIE-4.5 text models."""

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
        return train_here(PaddleFramework(), recipe, train, validation, run, on_metric, on_step)

    def load(self, model: str | Path | Source, batch_size: int = 16) -> Reader:
        """Load for answering; see `Engine.load`."""
        source = locate(model)
        base = load_base(source.base, "bfloat16" if on_gpu() else "float32")
        # Unmerged, two in three matrix products of a step would be the adapter's.
        merge_in_place(base, source)
        encoder = reading_encoder(load_tokenizer(source.base), source)
        return GreedyReader(scorer_of(base), encoder, batch_size)

    def logits(self, model: str | Path, prompts: Sequence[str]) -> list[NDArray[np.float32]]:
        """The logits after each token of each prompt; see `Engine.logits`."""
        source = locate(model)
        network = load_base(source.base, "float32")
        attach_adapter(network, source)
        encoder = reading_encoder(load_tokenizer(source.base), source)
        return [logits(network, encoder.prompt([Message("user", prompt)])) for prompt in prompts]


def launcher(processes: int, logs: Path) -> tuple[str, ...]:
    """Paddle's own launcher: one process a GPU, or as many on this machine's CPU."""
    on_cpu = () if on_gpu() else ("--backend", "gloo")
    count = ("--nproc_per_node", str(processes))
    told = ("--log_dir", str(logs))
    return (sys.executable, "-m", "paddle.distributed.launch", *count, *on_cpu, *told)


def logits(model: Any, tokens: Sequence[int]) -> NDArray[np.float32]:
    """The logits after each token of one text: [tokens, vocabulary]."""
    paddle = import_paddle()
    with paddle.no_grad():
        out = model(paddle.to_tensor([list(tokens)]), return_dict=True)
    return np.asarray(out.logits[0].astype("float32").numpy())

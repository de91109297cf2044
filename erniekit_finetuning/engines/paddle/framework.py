"""Paddle, as our training asks for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from erniekit_finetuning.engines.encoding import Encoder
from erniekit_finetuning.engines.framework import Built
from erniekit_finetuning.engines.paddle import runtime
from erniekit_finetuning.engines.paddle.in_use import model_settings
from erniekit_finetuning.engines.paddle.loading import load_base, load_tokenizer
from erniekit_finetuning.engines.paddle.lora import add_lora
from erniekit_finetuning.engines.paddle.saving import save_model
from erniekit_finetuning.engines.paddle.trainable import PaddleTrainable
from erniekit_finetuning.engines.preparation import make_encoder
from erniekit_finetuning.engines.prompting import Prompting
from erniekit_finetuning.recipes.model import Recipe


class PaddleFramework:
    """See `Framework`."""

    def on_gpu(self) -> bool:
        """See `Framework.on_gpu`."""
        return runtime.on_gpu()

    def encoder(self, recipe: Recipe, base: Path, prompting: Prompting) -> Encoder:
        """See `Framework.encoder`."""
        responses_only = recipe.data.train_on_responses_only
        return make_encoder(load_tokenizer(base), prompting, responses_only)

    def build(self, recipe: Recipe, base: Path) -> Built:
        """See `Framework.build`."""
        recompute = recipe.training.gradient_checkpointing
        model = load_base(base, recipe.model.dtype, training=True, recompute=recompute)
        modules: tuple[str, ...] = ()
        if recipe.lora.enabled:
            modules = add_lora(model, recipe.lora, recipe.training.seed)
        else:
            for weight in model.parameters():
                weight.stop_gradient = False
        sizes = [(int(w.size), not w.stop_gradient) for w in model.parameters()]
        return Built(
            model,
            PaddleTrainable(model, recipe),
            int(model.config.max_position_embeddings),
            modules,
            sum(size for size, _ in sizes),
            sum(size for size, trained in sizes if trained),
        )

    def join(self) -> Callable[[float], float]:
        """See `Framework.join`."""
        paddle = runtime.import_paddle()
        paddle.distributed.init_parallel_env()

        def summed(number: float) -> float:
            total = paddle.to_tensor([number], dtype="float64")
            paddle.distributed.all_reduce(total)
            return float(total)

        return summed

    def leave_cores(self) -> None:
        """Paddle uses one core on a CPU anyway."""

    def write_model(self, model: Any, base: Path, folder: Path) -> None:
        """See `Framework.write_model`."""
        save_model(model, base, folder)

    def settings(self, built: Built) -> dict[str, Any]:
        """See `Framework.settings`."""
        return model_settings(built.model) | built.trainable.settings()

    def versions(self) -> dict[str, str]:
        """See `Framework.versions`."""
        return runtime.versions()

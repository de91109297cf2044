"""torch, as our training asks for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from erniekit_finetuning.engines.encoding import Encoder
from erniekit_finetuning.engines.framework import Built
from erniekit_finetuning.engines.hf import models, runtime
from erniekit_finetuning.engines.hf.images import Images, with_images
from erniekit_finetuning.engines.hf.in_use import model_settings
from erniekit_finetuning.engines.hf.trainable import TorchTrainable
from erniekit_finetuning.engines.model_files import copy_beside
from erniekit_finetuning.engines.preparation import make_encoder
from erniekit_finetuning.engines.prompting import Prompting
from erniekit_finetuning.recipes.model import Recipe


class TorchFramework:
    """See `Framework`."""

    def __init__(self) -> None:
        torch = runtime.import_torch()
        if runtime.on_gpu():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))

    def on_gpu(self) -> bool:
        """See `Framework.on_gpu`."""
        return runtime.on_gpu()

    def encoder(self, recipe: Recipe, base: Path, prompting: Prompting) -> Encoder:
        """See `Framework.encoder`."""
        responses_only = recipe.data.train_on_responses_only
        tokenizer = models.load_tokenizer(base)
        plain = make_encoder(tokenizer, prompting, responses_only)
        return with_images(plain, Images.of(base, tokenizer))

    def build(self, recipe: Recipe, base: Path) -> Built:
        """See `Framework.build`."""
        model, modules = models.build_model(recipe, base)
        sizes = [(w.numel(), w.requires_grad) for w in model.parameters()]
        return Built(
            model,
            TorchTrainable(model, recipe, Images.of(base, models.load_tokenizer(base))),
            int(model.config.get_text_config().max_position_embeddings),
            modules,
            sum(size for size, _ in sizes),
            sum(size for size, trained in sizes if trained),
        )

    def join(self) -> Callable[[float], float]:
        """See `Framework.join`."""
        torch = runtime.import_torch()
        torch.distributed.init_process_group("nccl" if runtime.on_gpu() else "gloo")

        def summed(number: float) -> float:
            total = torch.tensor([number], dtype=torch.float64, device=runtime.device())
            torch.distributed.all_reduce(total)
            return float(total)

        return summed

    def leave_cores(self) -> None:
        """See `Framework.leave_cores`."""
        runtime.import_torch().set_num_threads(1)

    def write_model(self, model: Any, base: Path, folder: Path) -> None:
        """See `Framework.write_model`; all but the weights is the base's."""
        model.save_pretrained(str(folder))
        config = (folder / "config.json").read_bytes()
        copy_beside(base, folder)
        (folder / "config.json").write_bytes(config)  # which knows the dtype it was written in

    def settings(self, built: Built) -> dict[str, Any]:
        """See `Framework.settings`."""
        return model_settings(built.model) | built.trainable.settings()

    def versions(self) -> dict[str, str]:
        """See `Framework.versions`."""
        return runtime.versions()

"""The hf engine: what the protocol asks for, put together."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.adapters.formats import convert, form_of
from erniekit_finetuning.engines.locating import Source, locate, locate_base
from erniekit_finetuning.engines.preparation import reading_encoder
from erniekit_finetuning.engines.processes import train_apart
from erniekit_finetuning.engines.protocol import Example, Message, Metric, Reader, TrainResult
from erniekit_finetuning.engines.reading import GreedyReader
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.recipes.architecture import architecture_in
from erniekit_finetuning.recipes.model import Recipe
from erniekit_finetuning.recipes.translation.hugging_face import hugging_face_problems
from erniekit_finetuning.recipes.translation.shared import Device


class HuggingFaceEngine:
    """Trains and loads ERNIE-4.5 (dense, mixture, vision) and PaddleOCR-VL with transformers."""

    def train(
        self,
        recipe: Recipe,
        train: Sequence[Example],
        validation: Sequence[Example],
        run: Path,
        on_metric: Callable[[Metric], None],
        on_step: Callable[[int, int], None],
    ) -> TrainResult:
        """Train into `run` in a process of its own, whatever this one has loaded."""
        architecture = architecture_in(locate_base(recipe))
        # Asked here without torch: this process may have Paddle loaded.
        device: Device = "gpu" if Path("/dev/nvidiactl").exists() else "cpu"
        if problems := hugging_face_problems(recipe, architecture, device):
            raise UnusableInput(problems)
        return train_apart(
            recipe, train, validation, run, on_metric, on_step, launcher(recipe.parallel.data)
        )

    def load(self, model: str | Path | Source, batch_size: int = 16) -> Reader:
        """Load for answering; see `Engine.load`."""
        from erniekit_finetuning.engines.hf import models, runtime
        from erniekit_finetuning.engines.hf.images import Images, with_images
        from erniekit_finetuning.engines.hf.scorer import TorchScorer

        source = locate(model)
        tokenizer = models.load_tokenizer(source.base)
        images = Images.of(source.base, tokenizer)
        network = with_adapter(
            models.load_base(source.base, "bfloat16" if runtime.on_gpu() else "float32"),
            source,
            merged=True,
        )
        encoder = with_images(reading_encoder(tokenizer, source), images)
        return GreedyReader(TorchScorer(network, images), encoder, batch_size)

    def logits(self, model: str | Path, prompts: Sequence[str]) -> list[NDArray[np.float32]]:
        """The logits after each token of each prompt; see `Engine.logits`."""
        from erniekit_finetuning.engines.hf import models, runtime
        from erniekit_finetuning.engines.hf.images import Images, with_images

        source = locate(model)
        torch = runtime.import_torch()
        network = with_adapter(models.load_base(source.base, "float32"), source, merged=False)
        tokenizer = models.load_tokenizer(source.base)
        images = Images.of(source.base, tokenizer)
        encoder = with_images(reading_encoder(tokenizer, source), images)
        found = []
        with torch.no_grad():
            for prompt in prompts:
                ids = torch.tensor([encoder.prompt([Message("user", prompt)])]).to(runtime.device())
                found.append(network(input_ids=ids).logits[0].float().cpu().numpy())
        return found


def launcher(processes: int) -> tuple[str, ...]:
    """One process, or torch's own launcher for as many on this machine."""
    if processes == 1:
        return (sys.executable,)
    count = ("--nproc_per_node", str(processes))
    return (sys.executable, "-m", "torch.distributed.run", "--standalone", *count)


def with_adapter(model: Any, source: Source, merged: bool) -> Any:
    """The model with the adapter of `source`, if it has one, merged into it or beside it."""
    if source.adapter is None:
        return model
    from peft import PeftModel

    with tempfile.TemporaryDirectory() as held:
        folder = source.adapter
        if form_of(folder) != "peft":
            folder = Path(held) / "adapter"
            convert(source, "peft", folder)
        try:
            wrapped = PeftModel.from_pretrained(model, str(folder)).eval()
        except (RuntimeError, ValueError) as error:
            raise _unfitting(error, source) or error from error
    return wrapped.merge_and_unload() if merged else wrapped


def _unfitting(error: Exception, source: Source) -> UnusableInput | None:
    """What PEFT says of an adapter whose matrices are of other sizes, or of other modules."""
    words = str(error)
    if "size mismatch" not in words and "not found in the base model" not in words:
        return None
    what, cure = "does not fit the base model", "name the base that it was trained on"
    found = " ".join(words.split())[:300]
    return UnusableInput(
        Problem(what, file=str(source.adapter), found=found, expected=str(source.base), cure=cure)
    )

"""The model that is pre-trained, its optimizers, its loss, and how much of it is right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file

from erniekit_finetuning.base import attention, packed_attention
from erniekit_finetuning.base.batches import Batch
from erniekit_finetuning.base.config import Pretraining, Training
from erniekit_finetuning.base.rows import IGNORED


class Tensors(NamedTuple):
    """A batch as tensors: `ids`, `positions`, `branches`, `texts` as in Batch.

    `trained` are the places of labels in the flattened batch, `labels` the labels there.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    branches: torch.Tensor
    texts: torch.Tensor
    trained: torch.Tensor
    labels: torch.Tensor

    def to(self, device: Any) -> Tensors:
        """On another device."""
        return Tensors(*(one.to(device, non_blocking=True) for one in self))


def tensors(batch: Batch) -> Tensors:
    """The batch as tensors of the CPU."""
    trained = (batch.labels.reshape(-1) != IGNORED).nonzero()[0]
    arrays = (batch.ids, batch.positions, batch.branches, batch.texts)
    labels = batch.labels.reshape(-1)[trained]
    return Tensors(*map(torch.from_numpy, (*arrays, trained, labels)))


class Learner(torch.nn.Module):  # type: ignore[misc]
    """A model and its loss on a batch, as one module that can be run in parallel."""

    def __init__(self, model: Any, bf16: bool) -> None:
        """`bf16`: products of 16 bits, weights of 32."""
        super().__init__()
        self.model, self._bf16 = model, bf16
        self._packed = model.config._attn_implementation == packed_attention.NAME

    def forward(self, batch: Tensors) -> torch.Tensor:
        """Mean cross entropy of the answers' tokens."""
        return torch.nn.functional.cross_entropy(self.logits(batch), batch.labels)

    def logits(self, batch: Tensors) -> torch.Tensor:
        """Logits of 32 bits where there are labels, [labels, vocabulary]."""
        seen: dict[str, Any] = {"branches": batch.branches}
        if self._packed:
            seen = {"seen": packed_attention.seen(batch.texts, batch.branches)}
        with torch.autocast(batch.ids.device.type, torch.bfloat16, enabled=self._bf16):
            hidden = self.model.model(
                input_ids=batch.ids, position_ids=batch.positions, use_cache=False, **seen
            ).last_hidden_state
            logits = self.model.lm_head(hidden.flatten(0, 1)[batch.trained])
        return logits.float()


def build_model(config: Pretraining, tokens: Any, packed: bool) -> Any:
    """A dense ERNIE-4.5 of random weights; its attention is ours, or that of packed rows."""
    from transformers import Ernie4_5Config, Ernie4_5ForCausalLM

    shape = config.model
    model = Ernie4_5ForCausalLM(
        Ernie4_5Config(
            head_dim=shape.hidden_size // shape.num_attention_heads,
            rope_parameters={"rope_theta": 10000.0, "rope_type": "default"},
            bos_token_id=tokens.bos_token_id,
            eos_token_id=tokens.eos_token_id,
            pad_token_id=tokens.pad_token_id,
            **shape.model_dump(),
        )
    )
    model.set_attn_implementation(packed_attention.NAME if packed else attention.NAME)
    return model


def go_on_from(folder: Path, model: Any) -> None:
    """Give the model the weights of another of the same sizes; raises RuntimeError for others."""
    weights = load_file(folder / "model.safetensors")
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"]  # tied
    model.load_state_dict(weights)


def build_optimizers(model: Any, settings: Training) -> list[torch.optim.Optimizer]:
    """Muon for the layers' matrices, AdamW for embeddings and norms, at one learning rate.

    Muon's updates are scaled to the size of AdamW's. It learnt more from the same tokens in a
    side-by-side run of the first 100 steps.
    """
    named = list(model.named_parameters())
    matrices = [p for name, p in named if p.ndim == 2 and "embed" not in name]
    rest = [p for name, p in named if p.ndim != 2 or "embed" in name]
    return [
        torch.optim.AdamW(
            rest, lr=settings.learning_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True
        ),
        torch.optim.Muon(
            matrices,
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            adjust_lr_fn="match_rms_adamw",
        ),
    ]


def rate(settings: Training, step: int, progress: float) -> float:
    """The learning rate: warm-up, a constant, a linear descent to 5 %."""
    warm = min(1.0, (step + 1) / settings.warmup_steps)
    descent = max(0.0, progress - settings.hold) / (1 - settings.hold)
    return settings.learning_rate * warm * (1 - 0.95 * min(descent, 1.0))


def exact(learner: Learner, batches: Sequence[Tensors]) -> tuple[int, int]:
    """How many rows have every answer token the most likely one, and how many rows there are.

    That is what greedy decoding gets right to the letter.
    """
    right = rows = 0
    for batch in batches:
        # Gradients stay on: a compiled model would be compiled once more without them.
        best = learner.logits(batch.to(learner.model.device)).argmax(-1).cpu()
        width = batch.ids.shape[1]
        row = batch.trained // width * (int(batch.texts.max()) + 1)
        row += batch.texts.flatten()[batch.trained]
        asked, wrong = row.unique().numel(), row[best != batch.labels].unique().numel()
        rows += asked
        right += asked - wrong
    return right, rows

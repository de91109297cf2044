"""The model that is pre-trained, its optimizers, its loss, and how much of it is right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.distributed as dist

from erniekit_finetuning.base.batches import IGNORED, Batch, Encoder, pad
from erniekit_finetuning.base.config import Pretraining, Training
from erniekit_finetuning.base.drills import Sample


class Tensors(NamedTuple):
    """A batch as tensors, each [rows, length]."""

    ids: torch.Tensor
    labels: torch.Tensor
    positions: torch.Tensor
    branches: torch.Tensor


def tensors(batch: Batch) -> Tensors:
    """The batch as tensors of the CPU."""
    return Tensors(*map(torch.tensor, batch))


def build_model(config: Pretraining, tokens: Any) -> Any:
    """A dense ERNIE-4.5 of random weights, with attention of our own."""
    from transformers import Ernie4_5Config, Ernie4_5ForCausalLM

    from erniekit_finetuning.base import attention

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
    model.set_attn_implementation(attention.NAME)
    return model


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


def loss_of(model: Any, batch: Tensors, bf16: bool) -> torch.Tensor:
    """Mean cross entropy of the trained tokens; logits are made at these positions only.

    Padding is on the right and attention is causal, so no mask is needed.
    """
    kept = (batch.labels != IGNORED).any(0).nonzero().flatten()
    with torch.autocast(batch.ids.device.type, torch.bfloat16, enabled=bf16):
        logits = model(
            input_ids=batch.ids,
            position_ids=batch.positions,
            branches=batch.branches,
            use_cache=False,
            logits_to_keep=kept,
        ).logits
    return torch.nn.functional.cross_entropy(
        logits.float().flatten(0, 1), batch.labels[:, kept].flatten(), ignore_index=IGNORED
    )


def exact_share(
    model: Any, encode: Encoder, samples: Sequence[Sample], rank: int, settings: Training
) -> float:
    """Share of held-out documents whose every answer token is the most likely one.

    That is the share that greedy decoding gets right to the letter.
    """
    right = torch.zeros(2)
    with torch.no_grad(), torch.autocast(model.device.type, torch.bfloat16, enabled=settings.bf16):
        for sample in samples[rank :: settings.processes]:
            batch = tensors(pad([encode([sample])]))
            best = model(input_ids=batch.ids.to(model.device), use_cache=False).logits.argmax(-1)
            right[0] += bool(((best.cpu() == batch.labels) | (batch.labels == IGNORED)).all())
            right[1] += 1
    dist.all_reduce(right)
    return float(right[0] / right[1])

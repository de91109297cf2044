"""Loss and gradients of rows: the arithmetic of a training step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from erniekit_finetuning.engines.batches import IGNORED, Batch, collate
from erniekit_finetuning.engines.encoding import Encoded
from erniekit_finetuning.engines.paddle.runtime import import_paddle


def accumulate(
    model: Any, rows: Sequence[Encoded], seeds: Sequence[int], divisor: int, rows_at_once: int
) -> float:
    """Add the gradients of (summed loss / divisor) to the weights; return the summed loss.

    Dropout is drawn from the seed of each batch's first row, so that it depends neither on what
    was computed before nor on which process computes it.
    """
    paddle = import_paddle()
    total = 0.0
    for start in range(0, len(rows), rows_at_once):
        paddle.seed(seeds[start])
        loss = summed_loss(model, collate(rows[start : start + rows_at_once], pad_token=0))
        (loss / divisor).backward()
        total += float(loss)
    return total


def mean_loss(model: Any, rows: Sequence[Encoded], rows_at_once: int) -> float:
    """Mean loss of an answer token over all rows, without dropout."""
    paddle = import_paddle()
    model.eval()
    total, tokens = 0.0, 0
    ordered = sorted(rows, key=lambda row: len(row.tokens))
    with paddle.no_grad():
        for start in range(0, len(rows), rows_at_once):
            batch = collate(ordered[start : start + rows_at_once], pad_token=0)
            total += float(summed_loss(model, batch))
            tokens += batch.trained_tokens
    model.train()
    return total / tokens


def summed_loss(model: Any, batch: Batch) -> Any:
    """Cross-entropy summed over the trained positions; only these reach the output layer."""
    paddle = import_paddle()
    causal = model.model if hasattr(model, "lora_config") else model
    hidden = causal.model(paddle.to_tensor(batch.tokens), return_dict=True).last_hidden_state
    chosen = (batch.labels != IGNORED).reshape(-1).nonzero()[0]
    states = hidden.reshape([-1, hidden.shape[-1]]).index_select(paddle.to_tensor(chosen))
    logits = causal.lm_head(states.unsqueeze(0)).squeeze(0).astype("float32")
    labels = paddle.to_tensor(batch.labels.reshape(-1)[chosen])
    return paddle.nn.functional.cross_entropy(logits, labels, reduction="sum")


def clip(weights: Sequence[Any], limit: float | None) -> float:
    """Scale the gradients down to the global norm `limit`; return the norm they had."""
    paddle = import_paddle()
    grads = [weight.grad for weight in weights if weight.grad is not None]
    squares = [(grad.astype("float32") ** 2).sum() for grad in grads]
    norm = float(paddle.stack(squares).sum().sqrt())
    if limit is not None and norm > limit:
        with paddle.no_grad():
            for grad in grads:
                grad.scale_(limit / norm)
    return norm

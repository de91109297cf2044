"""Which examples train together: split, order and padding, all a function of seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.engines.encoding import Encoded
from erniekit_finetuning.engines.protocol import Example

IGNORED = -100
# Batches are cut from windows of this many batches sorted by length: little padding, still mixed.
WINDOW = 16


@dataclass(frozen=True)
class Batch:
    """`tokens` [rows, length], right-padded; `labels` of the same shape are already shifted.

    labels[i, t] is the token to predict from tokens[i, :t+1], IGNORED where nothing is trained.
    """

    tokens: NDArray[np.int64]
    labels: NDArray[np.int64]
    real_tokens: int
    trained_tokens: int


def split_examples(
    examples: Sequence[Example], validation_share: float, seed: int
) -> tuple[list[Example], list[Example]]:
    """Set a share of the distinct prompts aside; the same prompt never lands on both sides."""
    prompts = list(dict.fromkeys(example.prompt for example in examples))
    order = np.random.default_rng(seed).permutation(len(prompts))
    aside = round(validation_share * len(prompts))
    if validation_share > 0 and len(prompts) > 1:
        aside = min(max(aside, 1), len(prompts) - 1)
    chosen = {prompts[i] for i in order[:aside]}
    train = [example for example in examples if example.prompt not in chosen]
    return train, [example for example in examples if example.prompt in chosen]


def epoch_batches(
    lengths: Sequence[int], batch_size: int, seed: int, epoch: int
) -> list[list[int]]:
    """Indices of each batch of one epoch: every example once, neighbours alike in length."""
    generator = np.random.default_rng([seed, epoch])
    order = generator.permutation(len(lengths))
    batches: list[list[int]] = []
    for start in range(0, len(order), batch_size * WINDOW):
        window = sorted(order[start : start + batch_size * WINDOW], key=lambda i: lengths[i])
        for first in range(0, len(window), batch_size):
            batches.append([int(i) for i in window[first : first + batch_size]])
    return [batches[i] for i in generator.permutation(len(batches))]


def collate(rows: Sequence[Encoded], pad_token: int) -> Batch:
    """Pad rows on the right to the longest and shift the labels by one."""
    length = max(len(row.tokens) for row in rows)
    tokens = np.full((len(rows), length), pad_token, np.int64)
    labels = np.full((len(rows), length), IGNORED, np.int64)
    for i, row in enumerate(rows):
        tokens[i, : len(row.tokens)] = row.tokens
        labels[i, row.answer_start - 1 : len(row.tokens) - 1] = row.tokens[row.answer_start :]
    real = sum(len(row.tokens) for row in rows)
    return Batch(tokens, labels, real, int((labels != IGNORED).sum()))

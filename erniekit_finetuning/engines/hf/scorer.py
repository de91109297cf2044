"""Scores of the next token from a torch model, with a cache of keys and values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.engines.hf.runtime import device, import_torch


@dataclass(frozen=True)
class State:
    """The cache, which of its columns are tokens [rows, columns], and the next token's logits."""

    cache: Any
    columns: Any
    logits: Any


class TorchScorer:
    """See `reading.Scorer`."""

    def __init__(self, model: Any) -> None:
        self._model = model

    @property
    def max_tokens(self) -> int:
        """See `Scorer.max_tokens`."""
        return int(self._model.config.get_text_config().max_position_embeddings)

    @property
    def vocabulary_size(self) -> int:
        """See `Scorer.vocabulary_size`."""
        return int(self._model.config.get_text_config().vocab_size)

    def start(self, prompts: Sequence[Sequence[int]], room: int) -> State:
        """See `Scorer.start`; prompts are padded on the left."""
        longest = max(len(prompt) for prompt in prompts)
        starts = np.array([longest - len(prompt) for prompt in prompts])
        tokens = np.zeros((len(prompts), longest), np.int64)
        for i, prompt in enumerate(prompts):
            tokens[i, starts[i] :] = prompt
        columns = np.arange(longest) >= starts[:, None]
        positions = np.maximum(np.arange(longest) - starts[:, None], 0)
        return self._forward(None, columns, tokens, positions)

    def scores(self, state: State) -> NDArray[np.float32]:
        """See `Scorer.scores`."""
        return np.asarray(state.logits)

    def step(self, state: State, tokens: NDArray[np.int64], positions: NDArray[np.int64]) -> State:
        """See `Scorer.step`."""
        columns = np.concatenate([state.columns, np.ones((len(tokens), 1), bool)], 1)
        return self._forward(state.cache, columns, tokens[:, None], positions[:, None])

    def keep(self, state: State, rows: NDArray[np.int64]) -> State:
        """See `Scorer.keep`."""
        if rows.size:
            state.cache.batch_select_indices(import_torch().from_numpy(rows).to(device()))
        return State(state.cache, state.columns[rows], state.logits[rows])

    def _forward(
        self,
        cache: Any,
        columns: NDArray[np.bool_],
        tokens: NDArray[np.int64],
        positions: NDArray[np.int64],
    ) -> State:
        torch = import_torch()
        with torch.no_grad():
            out = self._model(
                input_ids=torch.from_numpy(tokens).to(device()),
                position_ids=torch.from_numpy(positions).to(device()),
                attention_mask=torch.from_numpy(columns).long().to(device()),
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
        logits = out.logits[:, -1].float().cpu().numpy()
        return State(out.past_key_values, columns, logits)

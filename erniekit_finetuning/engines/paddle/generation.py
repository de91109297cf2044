"""Scores of the next tokens from a Paddle model, with a cache of keys and values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.engines.encoding import Encoded
from erniekit_finetuning.engines.paddle.padded_cache import PaddedCache
from erniekit_finetuning.engines.paddle.row_cache import Row, RowCache
from erniekit_finetuning.engines.paddle.runtime import import_paddle, on_gpu
from erniekit_finetuning.engines.side_by_side import appended, laid_out

_Cache = TypeVar("_Cache", PaddedCache, RowCache)


@dataclass(frozen=True)
class State(Generic[_Cache]):
    """The cache; how many tokens of each row were read last, and the hidden states after them
    [tokens, dim], row by row."""

    cache: _Cache
    read: list[int]
    hidden: Any


class _PaddleScorer:
    """What is alike on CPU and GPU."""

    def __init__(self, model: Any) -> None:
        self.model = model

    @property
    def max_tokens(self) -> int:
        """See `Scorer.max_tokens`."""
        return int(self.model.config.max_position_embeddings)

    @property
    def vocabulary_size(self) -> int:
        """See `Scorer.vocabulary_size`."""
        return int(self.model.config.vocab_size)

    def scores(self, state: State[Any]) -> NDArray[np.float32]:
        """See `Scorer.scores`."""
        with import_paddle().no_grad():
            logits = self.model.lm_head(state.hidden.unsqueeze(0)).squeeze(0)
            return np.asarray(logits.astype("float32").numpy())

    def join(self, states: Sequence[State[_Cache]]) -> State[_Cache]:
        """See `Scorer.join`."""
        cache = type(states[0].cache).beside([state.cache for state in states])
        read = [count for state in states for count in state.read]
        return State(cache, read, import_paddle().concat([state.hidden for state in states]))

    def keep(self, state: State[_Cache], rows: NDArray[np.int64]) -> State[_Cache]:
        """See `Scorer.keep`."""
        paddle = import_paddle()
        parts = paddle.split(state.hidden, state.read)
        hidden = paddle.concat([parts[row] for row in rows])
        return State(state.cache.keep(rows), [state.read[row] for row in rows], hidden)

    def _hidden(
        self, cache: Any, tokens: NDArray[np.int64], positions: NDArray[np.int64], mask: Any = None
    ) -> Any:
        """Hidden states [rows, columns, dim] after tokens [rows, columns]."""
        paddle = import_paddle()
        with paddle.no_grad():
            return self.model.model(
                paddle.to_tensor(tokens),
                position_ids=paddle.to_tensor(positions),
                attention_mask=mask,
                past_key_values=cache,
                use_cache=True,
                return_dict=True,
            ).last_hidden_state


class RowScorer(_PaddleScorer):
    """For CPUs; see `open_batch.Scorer`. Texts are read alone or with their new tokens in one
    row, so that a long one makes no work for a short one."""

    def start(self, prompts: Sequence[Encoded], room: int) -> State[RowCache]:
        """See `Scorer.start`."""
        config = self.model.config
        rows, last = [], []
        for prompt in prompts:
            shape = config.num_hidden_layers, config.num_key_value_heads, config.head_dim
            rows.append(Row.empty(*shape, len(prompt.tokens) + room))
            last.append(self._read(RowCache(rows[-1:]), [prompt.tokens])[-1:])
        return State(RowCache(rows), [1] * len(rows), import_paddle().concat(last))

    def step(
        self, state: State[RowCache], right: Sequence[int], tokens: Sequence[Sequence[int]]
    ) -> State[RowCache]:
        """See `Scorer.step`."""
        for row, read, kept in zip(state.cache.rows, state.read, right, strict=True):
            row.length -= read - kept
        return State(state.cache, [*map(len, tokens)], self._read(state.cache, tokens))

    def _read(self, cache: RowCache, tokens: Sequence[Sequence[int]]) -> Any:
        """Hidden states [tokens, dim] after new tokens of each text."""
        cache.expect([*map(len, tokens)])
        positions = [
            row.length + np.arange(len(new)) for row, new in zip(cache.rows, tokens, strict=True)
        ]
        one_row = np.concatenate([np.array(new, np.int64) for new in tokens])
        return self._hidden(cache, one_row[None], np.concatenate(positions)[None])[0]


class PaddedScorer(_PaddleScorer):
    """For GPUs; see `open_batch.Scorer`. Texts are read side by side, padded."""

    def start(self, prompts: Sequence[Encoded], room: int) -> State[PaddedCache]:
        """See `Scorer.start`."""
        tokens, positions, columns = laid_out([prompt.tokens for prompt in prompts])
        cache = PaddedCache.empty(columns)
        mask = import_paddle().to_tensor(columns)
        hidden = self._hidden(cache.for_model, tokens, positions, mask)
        return State(cache, [1] * len(prompts), hidden[:, -1])

    def step(
        self, state: State[PaddedCache], right: Sequence[int], tokens: Sequence[Sequence[int]]
    ) -> State[PaddedCache]:
        """See `Scorer.step`."""
        paddle = import_paddle()
        before = state.cache.without_wrong(state.read, right)
        new, positions, columns = appended(before.columns, tokens)
        wide, filled = new.shape[1], columns.shape[1]
        # Upstream takes a mask without padding for none, and then counts columns from the first.
        earlier = np.arange(filled) <= np.arange(filled - wide, filled)[:, None]
        mask = paddle.to_tensor(columns[:, None] & earlier)
        hidden = self._hidden(before.for_model, new, positions, mask)
        cache = PaddedCache(before.for_model, columns)
        return State(cache, [*map(len, tokens)], hidden[paddle.to_tensor(columns[:, -wide:])])


def scorer_of(model: Any) -> RowScorer | PaddedScorer:
    """The one for this machine."""
    return PaddedScorer(model) if on_gpu() else RowScorer(model)

"""Scores of the next token from a Paddle model, with a cache of keys and values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.engines.encoding import Encoded
from erniekit_finetuning.engines.paddle.cpu_attention import RowCache
from erniekit_finetuning.engines.paddle.runtime import import_paddle, on_gpu
from erniekit_finetuning.engines.side_by_side import aligned


@dataclass(frozen=True)
class State:
    """The cache, and the last hidden state of each row."""

    cache: Any
    hidden: Any


class PaddleScorer:
    """See `reading.Scorer`."""

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

    def start(self, prompts: Sequence[Encoded], room: int) -> State:
        """See `Scorer.start`."""
        fill = _fill_padded if on_gpu() else _fill_rows
        with import_paddle().no_grad():
            return State(*fill(self.model, [prompt.tokens for prompt in prompts], room))

    def scores(self, state: State) -> NDArray[np.float32]:
        """See `Scorer.scores`."""
        with import_paddle().no_grad():
            logits = self.model.lm_head(state.hidden.unsqueeze(1)).squeeze(1)
            return np.asarray(logits.astype("float32").numpy())

    def step(self, state: State, tokens: NDArray[np.int64], positions: NDArray[np.int64]) -> State:
        """See `Scorer.step`."""
        paddle = import_paddle()
        with paddle.no_grad():
            out = self.model.model(
                paddle.to_tensor(tokens[:, None]),
                position_ids=paddle.to_tensor(positions[:, None]),
                attention_mask=state.cache.mask,
                past_key_values=state.cache.for_model,
                use_cache=True,
                return_dict=True,
            )
        return replace(state, hidden=out.last_hidden_state[:, -1])

    def join(self, states: Sequence[State], room: int) -> State:
        """See `Scorer.join`."""
        cache = type(states[0].cache).beside([state.cache for state in states], room)
        return State(cache, import_paddle().concat([state.hidden for state in states]))

    def keep(self, state: State, rows: NDArray[np.int64]) -> State:
        """See `Scorer.keep`."""
        state.cache.keep(rows)
        return replace(state, hidden=state.hidden[import_paddle().to_tensor(rows)])


def _fill_rows(model: Any, prompts: Sequence[Sequence[int]], room: int) -> tuple[RowCache, Any]:
    """Read the prompts one by one, which is faster on a CPU; give the last hidden states."""
    paddle = import_paddle()
    config = model.config
    caches, states = [], []
    for prompt in prompts:
        cache = RowCache.of_one(
            config.num_hidden_layers, config.num_key_value_heads, config.head_dim, len(prompt)
        )
        out = model.model(
            paddle.to_tensor([list(prompt)]),
            position_ids=paddle.arange(len(prompt)).unsqueeze(0),
            past_key_values=cache,
            use_cache=True,
            return_dict=True,
        )
        caches.append(cache)
        states.append(out.last_hidden_state[:, -1])
    return RowCache.beside(caches, room), paddle.concat(states)


def _fill_padded(
    model: Any, prompts: Sequence[Sequence[int]], room: int
) -> tuple[PaddedCache, Any]:
    """Read the prompts side by side, padded on the left."""
    paddle = import_paddle()
    longest = max(len(prompt) for prompt in prompts)
    starts = np.array([longest - len(prompt) for prompt in prompts])
    tokens = np.zeros((len(prompts), longest), np.int64)
    for i, prompt in enumerate(prompts):
        tokens[i, starts[i] :] = prompt
    positions = np.maximum(np.arange(longest) - starts[:, None], 0)
    cache = PaddedCache(starts, longest, room)
    out = model.model(
        paddle.to_tensor(tokens),
        position_ids=paddle.to_tensor(positions),
        attention_mask=paddle.to_tensor(cache.columns[:, :longest]),
        past_key_values=cache.for_model,
        use_cache=True,
        return_dict=True,
    )
    return cache, out.last_hidden_state[:, -1]


class PaddedCache:
    """Paddle's own cache with the columns that are padding."""

    def __init__(self, starts: NDArray[np.int64], longest: int, room: int) -> None:
        from paddleformers.transformers.cache_utils import DynamicCache

        self.for_model = DynamicCache()
        self.columns = np.arange(longest + room) >= starts[:, None]

    @classmethod
    def beside(cls, caches: Sequence[PaddedCache], room: int) -> PaddedCache:
        """Put the rows of filled caches into one batch, with room for more columns."""
        paddle = import_paddle()
        filled = [int(cache.for_model.get_seq_length()) for cache in caches]
        used, length, starts = aligned([cache.columns.argmax(1) for cache in caches], filled)
        joined = cls(starts, length, room)

        def on_the_right(part: Any, columns: int) -> Any:
            rows, heads, _, dim = part.shape
            empty = paddle.zeros([rows, heads, length - columns, dim], part.dtype)
            return paddle.concat([empty, part[:, :, -columns:]], axis=2)

        for number, layers in enumerate(
            zip(*(cache.for_model.layers for cache in caches), strict=True)
        ):
            keys, values = (
                [
                    on_the_right(getattr(layer, name), columns)
                    for layer, columns in zip(layers, used, strict=True)
                ]
                for name in ("keys", "values")
            )
            joined.for_model.update(paddle.concat(keys), paddle.concat(values), number)
        return joined

    @property
    def mask(self) -> Any:
        """Which columns the next step may look at, its own included."""
        filled = self.for_model.get_seq_length() + 1
        return import_paddle().to_tensor(self.columns[:, :filled])

    def keep(self, rows: NDArray[np.int64]) -> None:
        """Drop every row but these."""
        self.columns = self.columns[rows]
        if rows.size:
            self.for_model.reorder_cache(import_paddle().to_tensor(rows))

"""Greedy answers in batches, with a cache of keys and values."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.engines.encoding import encode_prompt
from erniekit_finetuning.engines.paddle.cpu_attention import RowCache
from erniekit_finetuning.engines.paddle.runtime import import_paddle, on_gpu
from erniekit_finetuning.engines.protocol import Constraint, ConstraintMaker, Generation, Vocabulary
from erniekit_finetuning.errors import Problem, UnusableInput


class PaddleReader:
    """A loaded model (adapter merged into it, if there was one) that answers prompts."""

    def __init__(self, model: Any, tokenizer: Any, batch_size: int) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._batch_size = batch_size

    @property
    def max_tokens(self) -> int:
        """Context length in tokens, prompt and answer together."""
        return int(self._model.config.max_position_embeddings)

    def count_tokens(self, prompt: str) -> int:
        """Tokens of `prompt` inside the chat template."""
        return len(encode_prompt(self._tokenizer, prompt))

    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int,
        on_done: Callable[[int, Generation], None] | None = None,
        constraints: Sequence[ConstraintMaker | None] | None = None,
    ) -> list[Generation]:
        """Answer greedily; see `Reader.generate`."""
        if max_new_tokens < 1:
            raise ValueError("max_new_tokens must be at least 1")
        started = time.monotonic()
        encoded = [encode_prompt(self._tokenizer, prompt) for prompt in prompts]
        self._check(encoded)
        makers = [None] * len(prompts) if constraints is None else constraints
        done: dict[int, Generation] = {}

        def end(index: int, tokens: list[int], logprob: float) -> None:
            seconds = time.monotonic() - started
            done[index] = self._generation(tokens, logprob, seconds)
            if on_done is not None:
                on_done(index, done[index])

        # Prompts alike in length have answers alike in length, and end together.
        order = sorted(range(len(encoded)), key=lambda i: len(encoded[i]))
        for first in range(0, len(order), self._batch_size):
            batch = order[first : first + self._batch_size]
            limits = [min(max_new_tokens, self.max_tokens - len(encoded[i])) for i in batch]
            wanted = [encoded[i] for i in batch]
            bounds = [make and make(self._vocabulary) for make in (makers[i] for i in batch)]
            with import_paddle().no_grad():
                ends = _answer(self._model, wanted, limits, bounds, self._tokenizer.eos_token_id)
                for row, tokens, logprob in ends:
                    end(batch[row], tokens, logprob)
        return [done[i] for i in range(len(prompts))]

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        backend = getattr(self._tokenizer, "backend_tokenizer", None)
        if backend is None:
            cure = "convert it to a tokenizer.json, or read with decoding: free"
            what = "grounded decoding cannot read the model's tokenizer"
            raise UnusableInput(Problem(what, found=type(self._tokenizer).__name__, cure=cure))
        size, end = self._model.config.vocab_size, self._tokenizer.eos_token_id
        return Vocabulary(backend.to_str(), int(size), int(end))

    def _generation(self, tokens: list[int], logprob: float, seconds: float) -> Generation:
        finished = tokens[-1] == self._tokenizer.eos_token_id
        text = self._tokenizer.decode(
            tokens[:-1] if finished else tokens,
            skip_special_tokens=True,
            clean_up_tokenization_spaces=False,
        )
        return Generation(text, finished, len(tokens), seconds, logprob / len(tokens))

    def _check(self, encoded: Sequence[Sequence[int]]) -> None:
        problems = [
            Problem(
                f"prompt {index} leaves no room for an answer",
                found=f"{len(tokens)} tokens",
                expected=f"fewer than {self.max_tokens}",
                cure="shorten the document, or take a model with a longer context",
            )
            for index, tokens in enumerate(encoded)
            if len(tokens) >= self.max_tokens
        ]
        if problems:
            raise UnusableInput(problems)


def _answer(
    model: Any,
    prompts: Sequence[Sequence[int]],
    limits: Sequence[int],
    constraints: Sequence[Constraint | None],
    end_token: int,
) -> Iterator[tuple[int, list[int], float]]:
    """Decode one batch; give (row, tokens, their log probability) as each row ends."""
    rows = np.arange(len(prompts))
    positions = np.array([len(prompt) for prompt in prompts])
    tokens: list[list[int]] = [[] for _ in prompts]
    logprobs = np.zeros(len(prompts))
    fill = _fill_padded if on_gpu() else _fill_rows
    cache, states = fill(model, prompts, max(limits))
    while rows.size:
        chosen, logprob = _choose(model, states, [constraints[row] for row in rows])
        logprobs[rows] += logprob
        for row, token in zip(rows, chosen, strict=True):
            tokens[row].append(int(token))
        alive = np.array(
            [
                t != end_token and len(tokens[r]) < limits[r]
                for r, t in zip(rows, chosen, strict=True)
            ]
        )
        for row in rows[~alive]:
            yield int(row), tokens[row], float(logprobs[row])
        if not alive.all():
            cache.keep(np.flatnonzero(alive))
            rows, positions, chosen = rows[alive], positions[alive], chosen[alive]
        if rows.size:
            states = _step(model, cache, chosen, positions)
            positions = positions + 1


def _choose(
    model: Any, states: Any, constraints: Sequence[Constraint | None]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The best token that each row may say, and its log probability among all tokens."""
    logits = model.lm_head(states.unsqueeze(1)).squeeze(1).astype("float32").numpy()
    chosen = logits.argmax(-1)
    for row, constraint in enumerate(constraints):
        if constraint is not None:
            chosen[row] = np.where(constraint.mask(), logits[row], -np.inf).argmax()
            constraint.accept(int(chosen[row]))
    best = logits.max(-1, keepdims=True)
    total = np.log(np.exp(logits - best).sum(-1, dtype=np.float64))
    return chosen, (np.take_along_axis(logits, chosen[:, None], -1) - best)[:, 0] - total


def _step(model: Any, cache: Any, tokens: NDArray[np.int64], positions: NDArray[np.int64]) -> Any:
    paddle = import_paddle()
    return model.model(
        paddle.to_tensor(tokens[:, None]),
        position_ids=paddle.to_tensor(positions[:, None]),
        attention_mask=cache.mask,
        past_key_values=cache.for_model,
        use_cache=True,
        return_dict=True,
    ).last_hidden_state[:, -1]


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

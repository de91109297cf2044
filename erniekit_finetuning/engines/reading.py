"""Greedy answers in batches, whatever framework computes the scores."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from tokenizers.decoders import DecodeStream

from erniekit_finetuning.engines.encoding import Encoded, Encoder
from erniekit_finetuning.engines.protocol import (
    Constraint,
    Generation,
    Question,
    TokenScore,
    Vocabulary,
)
from erniekit_finetuning.errors import Problem, UnusableInput


class Scorer(Protocol):
    """A model that scores the next token of several texts."""

    @property
    def max_tokens(self) -> int:
        """Context length in tokens."""
        ...

    @property
    def vocabulary_size(self) -> int:
        """How many scores a step gives."""
        ...

    def start(self, prompts: Sequence[Encoded], room: int) -> Any:
        """Read prompts with their images, with room for more tokens; give what the others take."""
        ...

    def scores(self, state: Any) -> NDArray[np.float32]:
        """Logits [rows, vocabulary] of the next token."""
        ...

    def step(self, state: Any, tokens: NDArray[np.int64], positions: NDArray[np.int64]) -> Any:
        """Append a token to each row; `positions` is how many tokens stand before it."""
        ...

    def keep(self, state: Any, rows: NDArray[np.int64]) -> Any:
        """Drop every row but these."""
        ...


class GreedyReader:
    """A loaded model (adapter merged into it, if there was one) that answers prompts."""

    def __init__(self, scorer: Scorer, encoder: Encoder, batch_size: int) -> None:
        self._scorer = scorer
        self._encoder = encoder
        self._tokenizer = encoder.tokenizer
        self._batch_size = batch_size

    @property
    def max_tokens(self) -> int:
        """Context length in tokens, prompt and answer together."""
        return self._scorer.max_tokens

    @property
    def sees_images(self) -> bool:
        """See `Reader.sees_images`."""
        return self._encoder.sees_images

    def count_tokens(self, question: Question) -> int:
        """See `Reader.count_tokens`."""
        outcome = self._encoder.asked(question, "the question")
        if isinstance(outcome, Problem):
            raise UnusableInput(outcome)
        return len(outcome.tokens)

    def generate(
        self,
        questions: Sequence[Question],
        max_new_tokens: int,
        on_done: Callable[[int, Generation], None] | None = None,
    ) -> list[Generation]:
        """Answer greedily; see `Reader.generate`."""
        if max_new_tokens < 1:
            raise ValueError("max_new_tokens must be at least 1")
        started = time.monotonic()
        encoded = self._encode(questions)
        lengths = [len(prompt.tokens) for prompt in encoded]
        done: dict[int, Generation] = {}
        # Prompts alike in length have answers alike in length, and end together.
        order = sorted(range(len(encoded)), key=lambda i: lengths[i])
        for first in range(0, len(order), self._batch_size):
            batch = order[first : first + self._batch_size]
            limits = [min(max_new_tokens, self.max_tokens - lengths[i]) for i in batch]
            makers = [questions[i].constraint for i in batch]
            bounds = [make and make(self._vocabulary) for make in makers]
            wanted = [encoded[i] for i in batch]
            ends = _answer(self._scorer, wanted, limits, bounds, self._tokenizer.eos_token_id)
            for row, said in ends:
                index = batch[row]
                seconds = time.monotonic() - started
                done[index] = generation(self._tokenizer, said, seconds, lengths[index])
                if on_done is not None:
                    on_done(index, done[index])
        return [done[i] for i in range(len(questions))]

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        backend = getattr(self._tokenizer, "backend_tokenizer", None)
        content = None if backend is None else backend.to_str()
        end = int(self._tokenizer.eos_token_id)
        return Vocabulary(content, self._scorer.vocabulary_size, end)

    def _encode(self, questions: Sequence[Question]) -> list[Encoded]:
        encoded, problems = [], []
        for index, question in enumerate(questions):
            outcome = self._encoder.asked(question, f"prompt {index}")
            if isinstance(outcome, Problem):
                problems.append(outcome)
            elif len(outcome.tokens) >= self.max_tokens:
                what = f"prompt {index} leaves no room for an answer"
                found, expected = f"{len(outcome.tokens)} tokens", f"fewer than {self.max_tokens}"
                cure = "shorten the document, or take a model with a longer context"
                problems.append(Problem(what, found=found, expected=expected, cure=cure))
            else:
                encoded.append(outcome)
        if problems:
            raise UnusableInput(problems)
        return encoded


class Emitted(NamedTuple):
    """A token, its log probability, and the log of what the constraint left of all probability."""

    token: int
    logprob: float
    allowed: float


def generation(
    tokenizer: Any, said: Sequence[Emitted], seconds: float, prompt_tokens: int
) -> Generation:
    """What a model's tokens say, and how far the text reaches with each of them."""
    tokens = [one.token for one in said]
    finished = tokens[-1] == tokenizer.eos_token_id
    text = tokenizer.decode(
        tokens[:-1] if finished else tokens,
        skip_special_tokens=True,
        clean_up_tokenization_spaces=False,
    )
    scores = []
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        stream, end = DecodeStream(skip_special_tokens=True), 0
        for token, logprob, allowed in said:
            end = min(end + len(stream.step(backend, token) or ""), len(text))
            scores.append(TokenScore(end, round(logprob, 5), round(allowed, 5)))
        scores[-1] = scores[-1]._replace(end=len(text))  # half a letter is in the text, too
    return Generation(text, finished, len(tokens), seconds, prompt_tokens, tuple(scores))


def _answer(
    scorer: Scorer,
    prompts: Sequence[Encoded],
    limits: Sequence[int],
    constraints: Sequence[Constraint | None],
    end_token: int,
) -> Iterator[tuple[int, list[Emitted]]]:
    """Decode one batch; give (row, its tokens) as each row ends."""
    rows = np.arange(len(prompts))
    positions = np.array([len(prompt.tokens) for prompt in prompts])
    said: list[list[Emitted]] = [[] for _ in prompts]
    state = scorer.start(prompts, max(limits))
    while rows.size:
        chosen, *scored = _choose(scorer.scores(state), [constraints[row] for row in rows])
        for row, token, logprob, allowed in zip(rows, chosen, *scored, strict=True):
            said[row].append(Emitted(int(token), float(logprob), float(allowed)))
        alive = np.array(
            [t != end_token and len(said[r]) < limits[r] for r, t in zip(rows, chosen, strict=True)]
        )
        for row in rows[~alive]:
            yield int(row), said[row]
        if not alive.all():
            state = scorer.keep(state, np.flatnonzero(alive))
            rows, positions, chosen = rows[alive], positions[alive], chosen[alive]
        if rows.size:
            state = scorer.step(state, chosen, positions)
            positions = positions + 1


def _choose(
    logits: NDArray[np.float32], constraints: Sequence[Constraint | None]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """The best token that each row may say, its log probability, and that of all it might say."""
    chosen = logits.argmax(-1)
    best = logits.max(-1, keepdims=True)
    odds = np.exp(logits - best)
    total = odds.sum(-1, dtype=np.float64)
    left = total.copy()
    for row, constraint in enumerate(constraints):
        if constraint is not None:
            added = constraint.added()
            chosen[row] = (logits[row] + added).argmax()
            constraint.accept(int(chosen[row]))
            left[row] = odds[row][added > -np.inf].sum(dtype=np.float64)
    logprobs = (np.take_along_axis(logits, chosen[:, None], -1) - best)[:, 0] - np.log(total)
    with np.errstate(divide="ignore"):  # what was left may round to 0; the token is in it
        return chosen, logprobs, np.maximum(np.log(left / total), logprobs)

"""Answers in batches, whatever framework computes the scores."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from tokenizers.decoders import DecodeStream

from erniekit_finetuning.engines.encoding import Encoded, Encoder
from erniekit_finetuning.engines.guessing import Guesses
from erniekit_finetuning.engines.open_batch import Emitted, OpenBatch, Saying, Scorer
from erniekit_finetuning.engines.prompting import Prompting
from erniekit_finetuning.engines.protocol import Generation, Question, TokenScore, Vocabulary
from erniekit_finetuning.engines.sampling import Sampler, Sampling
from erniekit_finetuning.errors import Problem, UnusableInput


class GreedyReader:
    """A loaded model (adapter merged into it, if there was one) that answers prompts.

    `generate` is greedy; `together` can draw answers, too.
    """

    def __init__(self, scorer: Scorer, encoder: Encoder, batch_size: int) -> None:
        self._scorer = scorer
        self._encoder = encoder
        self._tokenizer = encoder.tokenizer
        self._batch_size = batch_size
        self._last_answer: list[int] = []  # the next ones may be alike

    @property
    def max_tokens(self) -> int:
        """Context length in tokens, prompt and answer together."""
        return self._scorer.max_tokens

    @property
    def sees_images(self) -> bool:
        """See `Reader.sees_images`."""
        return self._encoder.sees_images

    @property
    def chat_template(self) -> str | None:
        """What conversations are written in; None where the model has no template."""
        template: str | None = self._tokenizer.chat_template
        return template or None

    def ask_as(self, prompting: Prompting) -> None:
        """Ask from now on in another template and with another system turn; None of one leaves the
        template, and says no system turn."""
        if prompting.chat_template is not None:
            self._tokenizer.chat_template = prompting.chat_template
        self._encoder = replace(self._encoder, system=prompting.system_prompt)

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
            together = OpenBatch(self._scorer, self._tokenizer.eos_token_id)
            together.join(
                [self._saying(i, questions[i], encoded[i], max_new_tokens) for i in batch]
            )
            while len(together):
                for row in together.step():
                    if row.failure is not None:
                        raise row.failure
                    seconds = time.monotonic() - started
                    done[row.key] = self._said(row, seconds)
                    if on_done is not None:
                        on_done(row.key, done[row.key])
        return [done[i] for i in range(len(questions))]

    def together(self) -> Together:
        """Answers to questions that come at any time."""
        return Together(self)

    def _saying(
        self,
        key: int,
        question: Question,
        prompt: Encoded,
        most: int,
        sampler: Sampler | None = None,
    ) -> Saying:
        limit = min(most, self.max_tokens - len(prompt.tokens))
        bounds = question.constraint and question.constraint(self._vocabulary)
        guesses = Guesses(prompt.tokens, self._last_answer)
        return Saying(key, prompt, limit, guesses, bounds, sampler)

    def _said(self, row: Saying, seconds: float) -> Generation:
        self._last_answer = row.tokens
        return generation(self._tokenizer, row.said, seconds, len(row.prompt.tokens))

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


class Together:
    """Questions that are answered side by side; others may come while some are being answered.

    For one thread. What a question is answered does not depend on the others.
    """

    def __init__(self, reader: GreedyReader) -> None:
        self._reader = reader
        self._batch = OpenBatch(reader._scorer, reader._tokenizer.eos_token_id)
        self._waiting: dict[int, Saying] = {}
        self._open: dict[int, tuple[Saying, float]] = {}

    def __len__(self) -> int:
        """How many questions are not answered yet."""
        return len(self._open)

    def ask(
        self,
        key: int,
        question: Question,
        max_new_tokens: int,
        sampling: Sampling | None = None,
    ) -> None:
        """Ask under a number of your own, for the likeliest answer or one that is drawn.

        Raises UnusableInput as `Reader.generate` does.
        """
        (prompt,) = self._reader._encode([question])
        sampler = None if sampling is None else Sampler(sampling)
        saying = self._reader._saying(key, question, prompt, max_new_tokens, sampler)
        self._waiting[key] = saying
        self._open[key] = saying, time.monotonic()

    def so_far(self, key: int) -> tuple[str, int]:
        """What is said of an answer that has not ended (of half a letter nothing), in how many
        tokens."""
        said = self._open[key][0].tokens
        text = self._reader._tokenizer.decode(
            said, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return str(text).rstrip("\ufffd"), len(said)

    def leave(self, keys: Collection[int]) -> None:
        """Forget questions whose answers nobody waits for any more."""
        self._batch.leave(keys)
        for key in keys:
            self._waiting.pop(key, None)
            self._open.pop(key, None)

    def step(self) -> list[tuple[int, Generation | UnusableInput]]:
        """Read the questions that came, say some tokens of each answer; give those that ended.

        Or why one cannot go on: its constraint bounds nothing.
        """
        if self._waiting:
            self._batch.join(list(self._waiting.values()))
            self._waiting.clear()
        return [(row.key, self._ended(row)) for row in self._batch.step()]

    def _ended(self, row: Saying) -> Generation | UnusableInput:
        _, asked = self._open.pop(row.key)
        seconds = time.monotonic() - asked
        if row.failure is not None:
            return row.failure
        return self._reader._said(row, seconds)


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

"""Questions to a model behind an API, several at once."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from typing import Any

from erniekit_finetuning.engines.api.connection import Connection, Refused
from erniekit_finetuning.engines.api.messages import image_problems, messages
from erniekit_finetuning.engines.api.replies import read_reply
from erniekit_finetuning.engines.api.settings import ApiModel
from erniekit_finetuning.engines.protocol import Generation, Question
from erniekit_finetuning.errors import Problem, UnusableInput

CHARACTERS_PER_TOKEN = 3
TOKENS_PER_IMAGE = 1000


class ApiReader:
    """A model behind an OpenAI-compatible API, as a Reader.

    Constraints of tokens cannot be sent: a question's constraint is not read, and answers are free
    but for `json_mode`. Token probabilities are asked for; a server that refuses them is asked
    without from then on, and `tokens` is ().
    """

    def __init__(self, model: ApiModel, schema: Mapping[str, Any] | None = None) -> None:
        """`schema` is the JSON schema of answers, sent in json_mode schema and else not read.

        Raises UnusableInput when it is needed and missing, when the key's environment variable is
        not set, or when the client is not installed; nothing is asked yet.
        """
        if model.json_mode == "schema" and schema is None:
            cure = "give the reader a schema, or set json_mode: object"
            what = "schema is asked for and there is none"
            raise UnusableInput(Problem(what, field="api.json_mode", cure=cure))
        self._model = model
        self._body = model.body(schema)
        self._connection = Connection(model)
        self._tells_tokens = True

    @property
    def max_tokens(self) -> int:
        """Context length in tokens, prompt and answer together, as the settings say it."""
        return self._model.context

    @property
    def sees_images(self) -> bool:
        """Whether questions may carry images: `images` of the settings."""
        return self._model.images

    def count_tokens(self, question: Question) -> int:
        """An estimate, as an API cannot count: characters / 3, and 1,000 an image.

        Text of few letters a token (Chinese, digits) can be more than that. The server counts for
        itself, and its count is what an answer carries.
        """
        letters = sum(len(message.content) for message in question.messages)
        return math.ceil(letters / CHARACTERS_PER_TOKEN) + TOKENS_PER_IMAGE * len(question.images)

    def generate(
        self,
        questions: Sequence[Question],
        max_new_tokens: int,
        on_done: Callable[[int, Generation], None] | None = None,
    ) -> list[Generation]:
        """Answer greedily, `parallel` questions at once; see `Reader.generate`.

        `on_done` is called in this thread, in the order in which answers end. `seconds` grows in
        that order: the differences between answers add up to the run's wall time, not to the time
        that the server worked, which is up to `parallel` times as much, nor to one answer's wait.

        Raises UnusableInput for images that cannot be sent, before anything is sent, and when the
        server fails for good. What was already sent by then is waited for and handed to `on_done`.
        """
        if max_new_tokens < 1:
            raise ValueError("max_new_tokens must be at least 1")
        started = time.monotonic()
        self._check(questions)
        done: dict[int, Generation] = {}
        failed: BaseException | None = None
        pool = ThreadPoolExecutor(self._model.parallel, thread_name_prefix="api")
        try:
            asked = {pool.submit(self._ask, q, max_new_tokens): i for i, q in enumerate(questions)}
            for future in as_completed(asked):
                if future.cancelled():
                    continue
                if (error := future.exception()) is not None:
                    failed = failed or error
                    for other in asked:
                        other.cancel()  # those not sent yet
                    continue
                index = asked[future]
                done[index] = replace(future.result(), seconds=time.monotonic() - started)
                if on_done is not None:
                    on_done(index, done[index])
        finally:
            pool.shutdown(cancel_futures=True)
        if failed is not None:
            raise failed
        return [done[index] for index in range(len(questions))]

    def _ask(self, question: Question, max_new_tokens: int) -> Generation:
        room = self.max_tokens - self.count_tokens(question)
        body = {"max_tokens": min(max_new_tokens, room), **self._body}
        turns = messages(question)
        data = self._send(turns, body)
        try:
            return read_reply(data)
        except ValueError as error:
            raise self._connection.malformed(str(error), data) from None

    def _send(self, turns: list[dict[str, Any]], body: dict[str, Any]) -> bytes:
        # What the settings say in `extra` stands.
        asking = {"logprobs": True, **body} if self._tells_tokens else body
        try:
            return self._connection.post(turns, asking)
        except Refused:
            if asking == body:
                raise
        # No standard says how a server refuses them: what passes without was refused for them.
        data = self._connection.post(turns, body)
        self._tells_tokens = False
        return data

    def _check(self, questions: Sequence[Question]) -> None:
        problems: list[Problem] = []
        for index, question in enumerate(questions):
            name = f"prompt {index}"
            problems += image_problems(question, name, self.sees_images)
            size = self.count_tokens(question)
            if size >= self.max_tokens:
                what = "leaves no room for an answer"
                found, expected = f"about {size:,} tokens", f"fewer than {self.max_tokens:,}"
                cure = "shorten the document, or raise api.context if the model has more"
                problems.append(Problem(what, None, None, name, found, expected, cure))
        if problems:
            raise UnusableInput(problems)

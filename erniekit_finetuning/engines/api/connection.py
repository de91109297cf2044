"""One server's connection: the key, the requests, and what became of a request that failed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from erniekit_finetuning.engines.api.settings import ApiModel
from erniekit_finetuning.errors import Problem, UnusableInput

if TYPE_CHECKING:
    import openai

_LONGEST = 300  # characters of what a server said
_AGAIN = "run it again later: stored answers are kept"


class ServerFailed(UnusableInput):
    """The server gave no answer after the last try."""


class Refused(ServerFailed):
    """The server takes the request for wrong: status 400 or 422."""


class Connection:
    """Sends requests, again where a server is busy, and tells a failure without the key."""

    def __init__(self, model: ApiModel) -> None:
        """Raises UnusableInput when the client is not installed or the key's variable not set."""
        key = _key(model)
        client = _import_client()
        self._model = model
        self._sends_key = bool(key)
        self._client = client.OpenAI(
            api_key=key or "none",  # the client wants one, also where none is sent
            base_url=model.base_url,
            timeout=model.timeout,
            max_retries=model.retries,
            # A redirect would carry the documents to a server that nobody named.
            http_client=client.DefaultHttpxClient(follow_redirects=False),
        )
        # Left alone, the client takes these from variables that are meant for another service.
        names = ["OpenAI-Organization", "OpenAI-Project", *([] if key else ["Authorization"])]
        self._headers: Any = {name: client.Omit() for name in names}

    def post(self, messages: list[dict[str, Any]], body: dict[str, Any]) -> bytes:
        """The server's reply.

        Raises ServerFailed after the last retry, Refused when a retry would be in vain.
        """
        client = _import_client()
        typed: Any = messages
        create = self._client.chat.completions.with_raw_response.create
        try:
            reply: bytes = create(
                model=self._model.model,
                messages=typed,
                extra_body=body,
                extra_headers=self._headers,
            ).content
            return reply
        except client.OpenAIError as error:
            status = getattr(error, "status_code", None)
            kind = Refused if status in (400, 422) else ServerFailed
            # The client's own error is not shown beside ours: a server may repeat the key in it.
            raise kind(self._problem(error, status)) from None

    def malformed(self, fault: str, data: bytes) -> ServerFailed:
        """The error for a reply that is none, with its beginning."""
        what = f"the reply is no chat completion: {fault}"
        found = self._plain(data.decode(errors="replace"))
        cure = f"is base_url the API's address? {_AGAIN}"
        return ServerFailed(Problem(what, file=self._model.url, found=found, cure=cure))

    def _problem(self, error: openai.OpenAIError, status: int | None) -> Problem:
        model = self._model
        again = status is None or status == 429 or status >= 500
        tries = f" after up to {model.retries + 1} tries" if again else ""
        what = "no answer" if status is None else f"status {status}"
        what = f"{what}{tries}: {self._said(error)}"
        return Problem(what, file=model.url, cure=self._cure(status))

    def _said(self, error: openai.OpenAIError) -> str:
        body = getattr(error, "body", None)
        told = body.get("message") or body.get("detail") if isinstance(body, dict) else None
        # A connection that failed says why in what caused it.
        return self._plain(str(told or body or error.__cause__ or error) or type(error).__name__)

    def _plain(self, text: str) -> str:
        """One line, not long, without the key."""
        plain = text.replace(self._client.api_key, "[key]") if self._sends_key else text
        line = " ".join(plain.split())
        return line if len(line) <= _LONGEST else line[:_LONGEST] + " ..."

    def _cure(self, status: int | None) -> str:
        model = self._model
        if status in (401, 403):
            return f"put a valid key in {model.key_env}" if model.key_env else "set api.key_env"
        if status == 404 or (status is not None and status < 400):
            return "check api.base_url and api.model"
        if status == 429:
            return f"lower api.parallel or raise api.retries, or {_AGAIN}"
        if status is None:
            return f"is the server up, and api.timeout ({model.timeout:g} s) enough? {_AGAIN}"
        if status < 500:
            return "check the settings: context, json_mode, thinking_key, images, extra"
        return f"look at the server's log, and {_AGAIN}"


def _key(model: ApiModel) -> str:
    """The key, "" where none is sent."""
    if model.key_env is None:
        return ""
    key = os.environ.get(model.key_env, "").strip()
    if not key:
        what, cure = "the environment variable is not set", f"export {model.key_env}=..."
        raise UnusableInput(Problem(what, field="api.key_env", found=model.key_env, cure=cure))
    if not (key.isascii() and key.isprintable()):  # a header that cannot be sent shows its text
        what = f"{model.key_env} holds characters that no key has"
        raise UnusableInput(Problem(what, field="api.key_env", cure="set it again"))
    return key


def _import_client() -> Any:
    try:
        import openai
    except ImportError as error:
        what = "the client of APIs is not installed"
        raise UnusableInput(Problem(what, cure='pip install "ernie-invoice[api]"')) from error
    return openai

"""What a server replied, as an answer: text, counts, and the tokens laid over the text."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from erniekit_finetuning.engines.protocol import Generation, TokenScore
from erniekit_finetuning.faults import field_of, said

_CUT = ("length", "content_filter")


class _Token(BaseModel):
    token: str
    logprob: float
    octets: list[Annotated[int, Field(ge=0, le=255)]] | None = Field(None, alias="bytes")

    @property
    def data(self) -> bytes:
        return self.token.encode() if self.octets is None else bytes(self.octets)


class _Logprobs(BaseModel):
    content: list[_Token] | None = None


class _Message(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Reply(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


def read_reply(data: bytes) -> Generation:
    """The answer in a reply, its `seconds` left 0; raises ValueError saying what is malformed.

    The text is the message's content as it is. What the model thought, where the server tells it
    apart, is not in the text, but in the count of new tokens. A server that does not count leaves
    0 prompt tokens, and as many new ones as it gave probabilities for.
    """
    try:
        reply = _Reply.model_validate_json(data)
    except ValidationError as error:
        fault = error.errors()[0]
        place = field_of(fault)
        raise ValueError(f"{place}: {said(fault)}" if place else said(fault)) from error
    choice = reply.choices[0]
    text = choice.message.content or ""
    told = (choice.logprobs and choice.logprobs.content) or []
    return Generation(
        text=text,
        finished=choice.finish_reason not in _CUT,
        new_tokens=reply.usage.completion_tokens if reply.usage else len(told),
        seconds=0.0,
        prompt_tokens=reply.usage.prompt_tokens if reply.usage else 0,
        tokens=_scores(text, told),
    )


def _scores(text: str, told: Sequence[_Token]) -> tuple[TokenScore, ...]:
    """The tokens that make the text, and those after it; () where they do not make it.

    Servers tell thoughts and marks before the text, and an end mark after it, in the same list.
    """
    pieces = [token.data for token in told]
    start = b"".join(pieces).rfind(text.encode())
    if start < 0 or not text:
        return ()
    scores: list[TokenScore] = []
    decoder = codecs.getincrementaldecoder("utf-8")("ignore")
    position = end = 0
    for token, piece in zip(told, pieces, strict=True):
        position += len(piece)
        if position <= start:
            continue
        # A token may begin before the text does, and hold a part of a letter only.
        inside = piece if scores else piece[start - position :]
        end = min(end + len(decoder.decode(inside)), len(text))
        scores.append(TokenScore(end, round(token.logprob, 5)))
    return tuple(scores)

"""Answers that are errors, as the OpenAPI document tells them: one shape for all of them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Fault(BaseModel):
    """One thing that was wrong: `what`, where it was, what was found there, and what helps.

    `answer`: what the model said, where that could not be read.
    """

    model_config = ConfigDict(extra="forbid")

    what: str
    field: str | None = None
    line: int | None = None
    found: str | None = None
    expected: str | None = None
    cure: str | None = None
    answer: str | None = None


class Refused(BaseModel):
    """Why there is no other answer: every fault that was found, not the first alone."""

    model_config = ConfigDict(extra="forbid")

    detail: list[Fault] = Field(min_length=1)


_WORDS = {
    400: "The body cannot be read as what its headers say.",
    401: "The service's key is wanted as a bearer token.",
    404: "There is no such thing.",
    408: "Nothing came for a while, and the body is not whole.",
    413: "The body or the file is too large.",
    422: "What was sent cannot be used.",
    429: "There is no room now.",
    503: "The model cannot be asked.",
    504: "The document was not read in time.",
}
_HEADERS = {
    401: {"WWW-Authenticate": {"required": True, "schema": {"const": "Bearer"}}},
    429: {
        "Retry-After": {
            "description": "Seconds after which there should be room.",
            "required": True,
            "schema": {"type": "integer", "minimum": 1},
        }
    },
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route says of its answers that are errors."""
    return {
        status: {
            "model": Refused,
            "description": _WORDS[status],
            **({"headers": _HEADERS[status]} if status in _HEADERS else {}),
        }
        for status in statuses
    }

"""What went wrong, as clients are told it: a status, and words for each fault."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from app.core.jobs.store import NoSuchJob
from app.core.models.answering import Died, Unavailable
from app.core.models.ernie_vlm_service import TimedOut
from app.core.processes import Busy, Closed
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.extraction import UnreadableAnswer


class Told(JSONResponse):
    """JSON in ASCII: what is told back may hold halves of letters, which no UTF-8 can say."""

    def render(self, content: Any) -> bytes:
        """The content as JSON."""
        return json.dumps(content, separators=(",", ":")).encode("ascii")


class TooLarge(UnusableInput):
    """More bytes than may be sent."""


class Refusal(NamedTuple):
    """A status of HTTP, and every fault: `what`, and where known field, found, expected, cure."""

    status: int
    detail: list[dict[str, Any]]


_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
KNOWN: tuple[type[Exception], ...] = (
    Busy, Unavailable, Closed, TimedOut, Died, UnusableInput, UnreadableAnswer,
)  # fmt: skip


def refusal(error: Exception) -> Refusal:
    """One of the known errors as a client is told it."""
    match error:
        case Busy():
            return Refusal(429, [{"what": str(error)}])
        case Unavailable() | Closed():
            return Refusal(503, [{"what": "the model cannot be asked now"}])
        case TimedOut() | Died():
            return Refusal(504, [{"what": str(error)}])
        case UnreadableAnswer():
            what = f"the model could not read the document; {error}"
            return Refusal(422, [{"what": what, "answer": error.answer}])
        case NoSuchJob():
            return Refusal(404, _faults(error))
        case TooLarge():
            return Refusal(413, _faults(error))
        case UnusableInput():
            return Refusal(422, _faults(error))
    raise error


def _faults(error: UnusableInput) -> list[dict[str, Any]]:
    """Its problems without the file's path on this machine, which is nobody's business."""
    faults = map(asdict, error.problems)
    return [{key: one[key] for key in one if key != "file"} for one in faults]


def _allowed(app: FastAPI, request: Request) -> list[str]:
    """The methods that some route takes at the address of a request."""

    def takes(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in app.routes)

    return [method for method in _METHODS if takes(method)]


def add_refusals(app: FastAPI) -> None:
    """Let an application answer the known errors so, and those of the framework in the same shape.

    A client that went away before it had sent everything hears nothing: 499 is for the metrics.
    """

    def refused(_: Request, error: Exception) -> JSONResponse:
        status, detail = refusal(error)
        headers = {"Retry-After": str(error.retry_after)} if isinstance(error, Busy) else None
        return Told({"detail": detail}, status, headers)

    def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        faults = [  # without what was sent, which may be of any size and kind
            {"what": fault["msg"], "field": ".".join(map(str, fault["loc"]))[:200]}
            for fault in error.errors()
        ]
        return Told({"detail": faults}, status_code=422)

    def told(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        headers = error.headers
        if error.status_code == 405:  # the framework names those of one route of several
            headers = {"Allow": ", ".join(_allowed(app, request))}
        return Told({"detail": [{"what": error.detail}]}, error.status_code, headers)

    def gone(_: Request, __: Exception) -> Response:
        return Response(status_code=499)

    for kind in KNOWN:
        app.add_exception_handler(kind, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, told)
    app.add_exception_handler(ClientDisconnect, gone)

"""Errors as HTTP answers them: the service's own, and the framework's in the same shape."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from app.core.processes import Busy
from app.core.refusals import KNOWN, refusal
from erniekit_finetuning.faults import field_of, said


class Told(JSONResponse):
    """JSON in ASCII: what is told back may hold halves of letters, which no UTF-8 can say."""

    def render(self, content: Any) -> bytes:
        """The content as JSON."""
        return json.dumps(content, separators=(",", ":")).encode("ascii")


_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


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
            {"what": said(fault), "field": (field_of(fault) or "")[:200]}
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

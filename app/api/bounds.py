"""A bound on request bodies, before anything keeps or parses them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from erniekit_finetuning.documents.limits import MAX_BYTES

MOST = MAX_BYTES + 2**20  # a file, and the form around it


class _TooLarge(Exception):
    pass


class Bounded:
    """ASGI middleware that answers 413 to bodies of more than `most` bytes, announced or not.

    `others`: what may be sent to some paths instead.
    """

    def __init__(
        self, app: ASGIApp, most: int = MOST, others: Mapping[str, int] | None = None
    ) -> None:
        self._app, self._most, self._others = app, most, others or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or stop reading."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._others.get(scope["path"], self._most)
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > most:
            await _refuse(send, most)
            return
        taken, refused, started = 0, False, False

        async def counted() -> Message:
            nonlocal taken, refused
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                refused = True
                raise _TooLarge
            return message

        async def unless_refused(message: Message) -> None:
            nonlocal started
            if not refused:  # what the application makes of the cut is nobody's answer
                started = True
                await send(message)

        with suppress(_TooLarge):
            await self._app(scope, counted, unless_refused)
        if refused and not started:
            await _refuse(send, most)


async def _refuse(send: Send, most: int) -> None:
    what = f"a request of at most {most} bytes is expected"
    body = json.dumps({"detail": [{"what": what}]}).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})

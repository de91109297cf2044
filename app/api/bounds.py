"""A bound on request bodies, before anything keeps or parses them."""

from __future__ import annotations

import json
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from erniekit_finetuning.documents.limits import MAX_BYTES

MOST = MAX_BYTES + 2**20  # a file, and the form around it


class _TooLarge(Exception):
    pass


class Bounded:
    """ASGI middleware that answers 413 to bodies of more than `most` bytes, announced or not."""

    def __init__(self, app: ASGIApp, most: int = MOST) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or stop reading."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self._most:
            await self._refuse(send)
            return
        taken, refused, started = 0, False, False

        async def counted() -> Message:
            nonlocal taken, refused
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._most:
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
            await self._refuse(send)

    async def _refuse(self, send: Send) -> None:
        what = f"a request of at most {self._most} bytes is expected"
        body = json.dumps({"detail": [{"what": what}]}).encode()
        headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": body})

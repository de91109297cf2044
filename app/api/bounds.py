"""Bounds on request bodies, before anything keeps or parses them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from erniekit_finetuning.documents.limits import MAX_BYTES

MOST = MAX_BYTES + 2**20  # a file, and the form around it
SILENCE = 30.0  # seconds


class _Refused(Exception):
    def __init__(self, status: int, what: str) -> None:
        self.status, self.what = status, what


class Bounded:
    """ASGI middleware that answers 413 to bodies of more than `most` bytes, announced or not.

    A sender that stays silent for `silence` seconds before its body is whole gets 408. `others`:
    what may be sent to some paths instead of `most`.
    """

    def __init__(
        self,
        app: ASGIApp,
        most: int = MOST,
        others: Mapping[str, int] | None = None,
        silence: float = SILENCE,
    ) -> None:
        self._app, self._most, self._others, self._silence = app, most, others or {}, silence

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or stop reading."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._others.get(scope["path"], self._most)
        too_large = _Refused(413, f"a request of at most {most} bytes is expected")
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > most:
            await _answer(send, too_large)
            return
        taken, whole, started = 0, False, False
        refused: _Refused | None = None

        async def counted() -> Message:
            nonlocal taken, whole, refused
            try:
                # After the body, what comes is that the client went: that may take its time.
                message = await asyncio.wait_for(receive(), None if whole else self._silence)
            except TimeoutError:
                what = f"nothing came for {self._silence:g} seconds, and the body is not whole"
                refused = _Refused(408, what)
                raise refused from None
            taken += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if taken > most:
                refused = too_large
                raise refused
            return message

        async def unless_refused(message: Message) -> None:
            nonlocal started
            if refused is None:  # what the application makes of the cut is nobody's answer
                started = True
                await send(message)

        with suppress(_Refused):
            await self._app(scope, counted, unless_refused)
        if refused is not None and not started:
            await _answer(send, refused)


async def _answer(send: Send, refused: _Refused) -> None:
    body = json.dumps({"detail": [{"what": refused.what}]}).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

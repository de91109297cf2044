"""What reaches the desk: its own paths, from its own pages, by holders of the key.

Gradio has routes that fetch other addresses, serve files and take uploads of their own. The desk
needs none of them, so whatever is not on its list is not there.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from urllib.parse import urlsplit

from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.bounds import Bounded
from app.api.feedback import MOST

UPLOAD = "/documents"
_OPEN = re.compile(
    r"(?!.*\.\.)("
    r"/|/config|/theme\.css|/favicon\.ico|/manifest\.json"
    r"|/(assets|static|svelte|desk)/[\w./-]+"
    r"|/documents|/documents/\w+/pages/\d+"
    r"|/gradio_api/(theme\.css|startup-events|queue/join|queue/data|reset|heartbeat/\w+))"
)
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
# Gradio makes functions of the texts that its components hold, and puts styles into elements.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]


class Guarded:
    """ASGI middleware. Without a key only who calls the desk by a name of this machine gets in."""

    def __init__(self, app: ASGIApp, key: SecretStr | None) -> None:
        self._key = None if key is None else key.get_secret_value().encode()
        self._documents, self._rest = Bounded(app), Bounded(app, MOST)
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            refused = self._refused(scope)
            inner = self._documents if scope["path"] == UPLOAD else self._rest
            await (refused or inner)(scope, receive, _with_headers(send))

    def _refused(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._key is None and urlsplit(f"//{host}").hostname not in _LOOPBACK:
            return PlainTextResponse("call the desk by the address that it listens on", 403)
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return PlainTextResponse("another site may not use the desk", 403)
        if self._key is not None and not hmac.compare_digest(_password(headers), self._key):
            login = {"WWW-Authenticate": 'Basic realm="review desk: any name, the key"'}
            return PlainTextResponse("the key is wanted as the password", 401, login)
        if not _OPEN.fullmatch(scope["path"]):
            return PlainTextResponse("not found", 404)
        return None


def _password(headers: Headers) -> bytes:
    """What a browser's login sends; empty where it sent none."""
    kind, _, told = headers.get("authorization", "").partition(" ")
    try:
        both = base64.b64decode(told, validate=True) if kind.lower() == "basic" else b""
    except (binascii.Error, ValueError):
        return b""
    return both.partition(b":")[2]


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *_HEADERS]}
        await send(message)

    return sent

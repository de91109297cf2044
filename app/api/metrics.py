"""What an operator watches: requests, documents, tokens, and whether the model is there."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.models.ernie_vlm_service import ErnieVLMService
from erniekit_finetuning.extraction import Extraction
from erniekit_finetuning.own_extraction import OwnExtraction

_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """The metrics of one application, in Prometheus' text form by `text`."""

    def __init__(self, service: ErnieVLMService) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        self._requests = Counter(
            "ernie_invoice_requests", "Requests answered.", ["route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "ernie_invoice_request_seconds",
            "Seconds from a request to its answer.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._documents = Counter(
            "ernie_invoice_documents", "Documents read.", ["model", "flagged"], registry=registry
        )
        self._tokens = Counter(
            "ernie_invoice_new_tokens", "Tokens of answers.", ["model"], registry=registry
        )
        open_ = Gauge("ernie_invoice_documents_open", "Documents being read.", registry=registry)
        open_.set_function(lambda: service.open_documents)
        ready = Gauge("ernie_invoice_ready", "Whether the model can be asked.", registry=registry)
        ready.set_function(lambda: service.ready)

    def read(self, extraction: Extraction | OwnExtraction) -> None:
        """Count a document that was read."""
        flagged = str(bool(extraction.flags)).lower()
        self._documents.labels(extraction.model, flagged).inc()
        self._tokens.labels(extraction.model).inc(extraction.new_tokens)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """All of it as it is now."""
        return generate_latest(self._registry)


class Counted:
    """ASGI middleware that counts requests by the route that answered, never by what was asked."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and note the status."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        started, status = time.monotonic(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            self._metrics.answered(route, status, time.monotonic() - started)

"""The review desk as an application: Gradio's page, the desk's own routes, and the guard."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.types import ASGIApp

from app.api.refusals import add_refusals
from app.config.settings import Settings
from app.core.learning.store import Store
from app.core.models.ernie_vlm_service import ErnieVLMService
from app.ui.comparing import Comparing
from app.ui.documents import document_routes
from app.ui.layout import desk_page
from app.ui.mounting import guarded
from app.ui.reviewing import Reviewing


class Desk:
    """The desk around a loaded service and a store; `app` is what a server runs."""

    def __init__(self, service: ErnieVLMService, store: Store, settings: Settings) -> None:
        reviewing = Reviewing(service, store)
        self._comparing = Comparing(reviewing, settings)
        inner = FastAPI(title="review desk", openapi_url=None)
        add_refusals(inner)
        inner.include_router(document_routes(reviewing))
        page = desk_page(reviewing, self._comparing)
        self.app: ASGIApp = guarded(inner, page, "desk.css", settings.api.key)

    def close(self) -> None:
        """End what the desk started itself."""
        self._comparing.close()

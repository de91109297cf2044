"""The review desk as an application: Gradio's page, the desk's own routes, and the guard."""

from __future__ import annotations

import gradio as gr
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.types import ASGIApp

from app.api.refusals import add_refusals
from app.config.settings import Settings
from app.core.learning.store import Store
from app.core.models.ernie_vlm_service import ErnieVLMService
from app.ui.comparing import Comparing
from app.ui.documents import BROWSER, document_routes
from app.ui.guard import Guarded
from app.ui.layout import THEME, desk_page
from app.ui.reviewing import Reviewing


class Desk:
    """The desk around a loaded service and a store; `app` is what a server runs."""

    def __init__(self, service: ErnieVLMService, store: Store, settings: Settings) -> None:
        reviewing = Reviewing(service, store)
        self._comparing = Comparing(reviewing, settings)
        inner = FastAPI(title="review desk", openapi_url=None)
        add_refusals(inner)
        inner.include_router(document_routes(reviewing))
        inner.mount("/desk", StaticFiles(directory=BROWSER))
        gr.mount_gradio_app(
            inner,
            desk_page(reviewing, self._comparing),
            path="/",
            theme=THEME,
            css_paths=BROWSER / "desk.css",
            footer_links=[],
            allowed_paths=[],
            show_error=False,
            ssr_mode=False,
            mcp_server=False,
            enable_monitoring=False,
            pwa=False,
            run_history=False,
        )
        self.app: ASGIApp = Guarded(inner, settings.api.key)

    def close(self) -> None:
        """End what the desk started itself."""
        self._comparing.close()

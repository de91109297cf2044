"""A page of Gradio behind the guard: nothing but its own paths, nothing from other hosts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from pydantic import SecretStr
from starlette.types import ASGIApp

from app.ui.guard import Guarded

BROWSER = Path(__file__).parent / "browser"
FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Arial", "sans-serif"]
THEME = gr.themes.Base(font=FONTS, font_mono=["ui-monospace", "monospace"])
# Gradio has no event for each of these words; it learns them from the text of the script.
_START = """
const events = [%s];
const script = new URL('./desk/%s.js', document.baseURI);
import(script).then(page => page.start({element, props, trigger, watch}));
"""
# How an event reaches its listener: with what the script says, and no value of a component.
LISTENING: dict[str, Any] = {
    "inputs": None,
    "queue": True,
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_limit": None,
    "trigger_mode": "multiple",
}


def area(script: str, *events: str) -> gr.HTML:
    """A part of a page that app/ui/browser/`script`.js draws; it may trigger `events`."""
    return gr.HTML(
        "",
        html_template=f'<div class="desk-{script}"></div>',
        js_on_load=_START % (", ".join(f"'{event}'" for event in events), script),
        apply_default_css=False,
        elem_id=script,
    )


def guarded(inner: FastAPI, page: gr.Blocks, style: str, key: SecretStr | None) -> ASGIApp:
    """What a server runs: `inner` with the page at its root, in the look of browser/`style`."""
    inner.mount("/desk", StaticFiles(directory=BROWSER))
    gr.mount_gradio_app(
        inner,
        page,
        path="/",
        theme=THEME,
        css_paths=[BROWSER / "page.css", BROWSER / style],
        footer_links=[],
        allowed_paths=[],
        show_error=False,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        pwa=False,
        run_history=False,
    )
    return Guarded(inner, key)

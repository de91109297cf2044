"""The desk's page: two tabs, each drawn by its script in app/ui/browser."""

from __future__ import annotations

from typing import Any

import gradio as gr
from pydantic import BaseModel, ConfigDict, Field

from app.ui.comparing import Compared, Comparing
from app.ui.messages import answering
from app.ui.reviewing import Asked, Edited, Reviewing

FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Arial", "sans-serif"]
THEME = gr.themes.Base(font=FONTS, font_mono=["ui-monospace", "monospace"])
# Gradio has no event for each of these words; it learns them from the text of the script.
_START = """
const events = ['open', 'next', 'check', 'save', 'models', 'compare'];
const script = new URL('./desk/%s.js', document.baseURI);
import(script).then(desk => desk.start({element, props, trigger, watch}));
"""


class After(BaseModel):
    """The document that is on the desk, if any."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    document_id: str | None = Field(max_length=64)


def desk_page(reviewing: Reviewing, comparing: Comparing) -> gr.Blocks:
    """The page, with what its events do."""

    def following(_: After) -> dict[str, Any]:
        return reviewing.open(reviewing.next_document())

    def models(_: After) -> list[dict[str, str | None]]:
        return comparing.models

    page: gr.Blocks
    with gr.Blocks(title="Review desk", analytics_enabled=False) as page:
        with gr.Tab("Review"):
            review = _area("review")
        with gr.Tab("Compare"):
            compare = _area("compare")
    how: dict[str, Any] = {
        "inputs": None,
        "queue": True,
        "show_progress": "hidden",
        "api_visibility": "private",
        "concurrency_limit": None,
        "trigger_mode": "multiple",
    }
    with page:
        opened = answering("document", Asked, lambda asked: reviewing.open(asked.document_id))
        review.open(opened, outputs=review, **how)
        review.next(answering("document", After, following), outputs=review, **how)
        review.check(answering("flags", Edited, reviewing.check), outputs=review, **how)
        review.save(answering("saved", Edited, reviewing.save), outputs=review, **how)
        compare.models(answering("models", After, models), outputs=compare, **how)
        compare.compare(answering("compared", Compared, comparing.compare), outputs=compare, **how)
    return page


def _area(script: str) -> gr.HTML:
    return gr.HTML(
        "",
        html_template=f'<div class="desk-{script}"></div>',
        js_on_load=_START % script,
        apply_default_css=False,
        elem_id=script,
    )

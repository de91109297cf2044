"""The desk's page: two tabs, each drawn by its script in app/ui/browser."""

from __future__ import annotations

from typing import Any

import gradio as gr
from pydantic import BaseModel, ConfigDict, Field

from app.ui.comparing import Compared, Comparing
from app.ui.messages import answering
from app.ui.mounting import LISTENING, area
from app.ui.reviewing import Asked, Edited, Reviewing


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
            review = area("review", "open", "next", "check", "save")
        with gr.Tab("Compare"):
            compare = area("compare", "models", "compare")
    with page:
        opened = answering("document", Asked, lambda asked: reviewing.open(asked.document_id))
        review.open(opened, outputs=review, **LISTENING)
        review.next(answering("document", After, following), outputs=review, **LISTENING)
        review.check(answering("flags", Edited, reviewing.check), outputs=review, **LISTENING)
        review.save(answering("saved", Edited, reviewing.save), outputs=review, **LISTENING)
        compare.models(answering("models", After, models), outputs=compare, **LISTENING)
        compare.compare(
            answering("compared", Compared, comparing.compare), outputs=compare, **LISTENING
        )
    return page

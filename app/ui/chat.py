"""The chat page as an application: loaded models, one page, the guard."""

from __future__ import annotations

import gradio as gr
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.types import ASGIApp

from app.ui.chatting import Asked, Chatting, Exported, Opened, Talk
from app.ui.messages import answering, obeying, telling
from app.ui.mounting import LISTENING, area, guarded
from erniekit_finetuning.chat.talking import How, Talking


class Chat:
    """The page around loaded models; `app` is what a server runs."""

    def __init__(self, talking: Talking, how: How, key: SecretStr | None = None) -> None:
        self.chatting = Chatting(talking, how)
        inner = FastAPI(title="chat", openapi_url=None)
        self.app: ASGIApp = guarded(inner, chat_page(self.chatting), "chat.css", key)


def chat_page(chatting: Chatting) -> gr.Blocks:
    """The page, with what its events do."""
    page: gr.Blocks
    with gr.Blocks(title="Chat", analytics_enabled=False) as page:
        chat = area("chat", "opened", "ask", "stop", "export")
        opened = answering("opened", Opened, chatting.opened)
        chat.opened(opened, outputs=chat, **LISTENING)
        chat.ask(telling("said", Asked, chatting.answer), outputs=chat, **LISTENING)
        # Without an output: its answer would take the place of one of those that are being said.
        chat.stop(obeying(Talk, chatting.stop), outputs=None, **LISTENING)
        chat.export(answering("exported", Exported, chatting.export), outputs=chat, **LISTENING)
    return page

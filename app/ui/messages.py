"""What the server and its pages say to each other: JSON in ASCII, one message a time.

Gradio would look for files in objects that it passes on, and for templates in text; in one text
without `<` there is neither.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import gradio as gr
from pydantic import BaseModel, ValidationError

from app.core.refusals import KNOWN, refusal
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.faults import unusable

M = TypeVar("M", bound=BaseModel)


def message(kind: str, content: Any, turn: int) -> str:
    """A message to the page; `turn` is the number of the question that it answers."""
    text = json.dumps({"kind": kind, "content": content, "turn": turn})
    return text.replace("<", "\\u003c")


def answering(kind: str, asked: type[M], answer: Callable[[M], Any]) -> Callable[..., str]:
    """A listener that answers an event with a message; what is wrong is told in words."""
    telling_once = telling(kind, asked, lambda told: iter([answer(told)]))

    def listener(event: gr.EventData) -> str:
        (said,) = telling_once(event)
        return said

    return listener


def telling(
    kind: str, asked: type[M], answers: Callable[[M], Iterator[Any]]
) -> Callable[..., Iterator[str]]:
    """A listener that answers an event with one message after another, as in `answering`."""

    def listener(event: gr.EventData) -> Iterator[str]:
        turn = 0
        try:
            turn = int(event.turn)
            for content in answers(_read(asked, event.text)):
                yield message(kind, content, turn)
        except KNOWN as error:
            yield message("refused", refusal(error).detail, turn)
        except Exception:  # the page waits for an answer, whatever happened
            logging.exception("the page could not be answered")
            yield message("refused", [{"what": "the server failed; its log says why"}], turn)

    return listener


def obeying(asked: type[M], act: Callable[[M], None]) -> Callable[..., None]:
    """A listener that answers nothing; what it cannot read is logged."""

    def listener(event: gr.EventData) -> None:
        try:
            act(_read(asked, event.text))
        except UnusableInput:
            logging.exception("the page asked for something unknown")

    return listener


def _read(asked: type[M], text: Any) -> M:
    try:
        return asked.model_validate_json(text)
    except ValidationError as error:
        raise unusable(error) from error

"""What the desk and its pages say to each other: JSON in ASCII, one message a time.

Gradio would look for files in objects that it passes on, and for templates in text; in one text
without `<` there is neither.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any, TypeVar

import gradio as gr
from pydantic import BaseModel, ValidationError

from app.core.refusals import KNOWN, refusal
from erniekit_finetuning.errors import Problem, UnusableInput

M = TypeVar("M", bound=BaseModel)


def message(kind: str, content: Any, turn: int) -> str:
    """A message to the page; `turn` is the number of the question that it answers."""
    text = json.dumps({"kind": kind, "content": content, "turn": turn})
    return text.replace("<", "\\u003c")


def answering(kind: str, asked: type[M], answer: Callable[[M], Any]) -> Callable[..., str]:
    """A listener that answers an event with a message; what is wrong is told in words."""

    def listener(event: gr.EventData) -> str:
        turn = 0
        try:
            turn = int(event.turn)
            return message(kind, answer(_read(asked, event.text)), turn)
        except KNOWN as error:
            return message("refused", refusal(error).detail, turn)
        except Exception:  # the page waits for an answer, whatever happened
            logging.exception("the desk could not answer")
            return message("refused", [{"what": "the desk failed; its log says why"}], turn)

    return listener


def _read(asked: type[M], text: Any) -> M:
    try:
        return asked.model_validate_json(text)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise UnusableInput([Problem(fault["msg"]) for fault in faults]) from error

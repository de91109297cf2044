"""A question as messages of the API, page images inside as data URIs."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from erniekit_finetuning.data.escaping import IMAGE_TAG
from erniekit_finetuning.engines.protocol import Question
from erniekit_finetuning.errors import Problem

_TYPES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_HEAD = 8  # bytes, the longest of these


def messages(question: Question) -> list[dict[str, Any]]:
    """The turns of a question; without images a turn is its text as it is.

    Raises OSError when an image cannot be read.
    """
    files = iter(question.images)
    turns: list[dict[str, Any]] = []
    for message in question.messages:
        content: Any = message.content
        if question.images and IMAGE_TAG in content:
            first, *rest = content.split(IMAGE_TAG)
            content = _text(first)
            for piece, file in zip(rest, files, strict=False):
                content += [_image(Path(file)), *_text(piece)]
        turns.append({"role": message.role, "content": content})
    return turns


def image_problems(question: Question, name: str, sent: bool) -> list[Problem]:
    """What keeps the question's images from being sent; `sent` is whether images are at all."""
    if not question.images:
        return []
    if not sent:
        cure = "set api.images: true for a model that sees, or ask with the text"
        return [Problem("carries images, and images are not sent", field=name, cure=cure)]
    problems = []
    tags = sum(message.content.count(IMAGE_TAG) for message in question.messages)
    if tags != len(question.images):
        what, wanted = "the number of image tags is not that of images", str(len(question.images))
        problems.append(Problem(what, field=name, found=f"{tags} tags", expected=wanted))
    for file in question.images:
        try:
            with Path(file).open("rb") as opened:
                head = opened.read(_HEAD)
        except OSError as error:
            what = f"cannot be read: {error.strerror}"
            problems.append(Problem(what, file=file, field=name))
            continue
        if _type(head) is None:
            what = "PDF pages are not sent" if head.startswith(b"%PDF") else "not sent"
            expected, cure = "a JPEG or PNG file", "give an image of each page"
            problems.append(Problem(what, file=file, field=name, expected=expected, cure=cure))
    return problems


def _type(data: bytes) -> str | None:
    return next((kind for start, kind in _TYPES.items() if data.startswith(start)), None)


def _text(piece: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": piece}] if piece else []


def _image(file: Path) -> dict[str, Any]:
    data = file.read_bytes()
    uri = f"data:{_type(data)};base64,{base64.b64encode(data).decode()}"
    return {"type": "image_url", "image_url": {"url": uri}}

"""`<image>` where it is text, not the place of an image: escaped, so that tags can be counted."""

from __future__ import annotations

import json
import re

IMAGE_TAG = "<image>"
_TAG = re.compile(r"<(\\*)image>")
_ESCAPED = re.compile(r"<\\(\\*)image>")


def escaped(text: str) -> str:
    r"""The text with one backslash more in every `<image>`, which is then no tag.

    >>> print(escaped("see <image>, not <\\image>"))
    see <\image>, not <\\image>
    """
    return _TAG.sub(r"<\\\1image>", text) if "image>" in text else text


def unescaped(text: str) -> str:
    """What `escaped` was given.

    >>> unescaped(escaped("see <image>"))
    'see <image>'
    """
    return _ESCAPED.sub(r"<\1image>", text) if "image>" in text else text


def escaped_answer(text: str) -> str:
    r"""An answer without tags: in JSON by JSON's own escape, so that its values stay what they are.

    >>> print(escaped_answer('{"name": "<image>"}'))
    {"name": "\u003cimage>"}
    """
    if IMAGE_TAG not in text:
        return text
    try:
        json.loads(text)
    except ValueError:
        return escaped(text)
    return text.replace(IMAGE_TAG, r"\u003cimage>")

"""The empty answer of a schema: what a model is shown of the shape that it shall answer in."""

from __future__ import annotations

import json
from typing import Any

from erniekit_finetuning.data.prompts import DATE_BLANK
from erniekit_finetuning.data.schemas.tree import Array, Choice, Day, Node, Number, Object


def blank(node: Node) -> Any:
    """The empty answer: "" for a print, DATE_BLANK for a date, 0 for a number, one item a list.

    Of several values the first one that is not null stands for all: it shows their type.

    >>> from erniekit_finetuning.data.schemas.tree import Text
    >>> blank(Object((("nr", Text()), ("on", Day()), ("of", Choice(("null", '"shop"'))))))
    {'nr': '', 'on': 'YYYY-MM-DD', 'of': 'shop'}
    """
    if isinstance(node, Object):
        return {name: blank(part) for name, part in node.members}
    if isinstance(node, Array):
        return [blank(node.items)]
    if isinstance(node, Choice):
        return json.loads(next((value for value in node.values if value != "null"), "null"))
    if isinstance(node, Day):
        return DATE_BLANK
    return 0 if isinstance(node, Number) else ""

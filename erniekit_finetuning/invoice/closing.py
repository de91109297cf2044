"""An answer that the token limit cut off, closed: what is whole is kept, the rest dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from erniekit_finetuning.invoice.json_parts import Sort, parts


class Closed(NamedTuple):
    """A whole JSON text, and the end of the answer that is not in it."""

    text: str
    dropped: str


@dataclass
class _Container:
    """One that is open: what closes it, and up to where the text is whole with it."""

    closer: str
    whole: int
    filled: bool = False


def closed(text: str) -> Closed:
    """Any start of a JSON object, closed; never a half value, for half a number is a wrong one.

    An item of a list in which nothing is whole yet is dropped, too: it would be an item more. A
    whole text, or one that is no start of JSON, stays as it is.

    >>> closed('{"total":"5.00","items":[{"name":"Bolt","price":12')
    Closed(text='{"total":"5.00","items":[{"name":"Bolt"}]}', dropped=',"price":12')
    """
    stack: list[_Container] = []
    for part in parts(text):
        if part.sort is Sort.OPEN:
            stack.append(_Container("}" if text[part.start] == "{" else "]", part.stop))
        elif not stack:
            return Closed(text, "") if text.strip() else Closed("{}", text)
        elif part.sort is Sort.CLOSE:
            stack.pop()
            if not stack:
                return Closed(text, "")
        if stack and part.sort in (Sort.CLOSE, Sort.VALUE):
            stack[-1].whole, stack[-1].filled = part.stop, True
    if not stack:
        return Closed("{}", text)
    depth = len(stack)
    while depth > 1 and stack[depth - 2].closer == "]" and not stack[depth - 1].filled:
        depth -= 1
    kept = stack[:depth]
    whole = kept[-1].whole
    return Closed(text[:whole] + "".join(one.closer for one in reversed(kept)), text[whole:])

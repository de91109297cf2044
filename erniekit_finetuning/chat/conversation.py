"""A conversation as models are asked it, and as a row that one is trained on."""

from __future__ import annotations

import json
from collections.abc import Sequence

from erniekit_finetuning.data.escaping import escaped, escaped_answer
from erniekit_finetuning.data.formats.chat import MESSAGES
from erniekit_finetuning.data.pair import Pair, Turn, faults
from erniekit_finetuning.engines.protocol import Message
from erniekit_finetuning.errors import UnusableInput


def conversation(system: str, turns: Sequence[Message]) -> tuple[Message, ...]:
    """The turns after a system turn; blank text is none."""
    return ((Message("system", system),) if system.strip() else ()) + tuple(turns)


def exported(messages: Sequence[Message]) -> str:
    r"""One line of JSONL in the format `messages`, as `prepare` and a recipe's sources read it.

    Raises UnusableInput for what is no training example: no turn, a question without an answer, an
    answer without a word.

    >>> exported([Message("user", "Hi"), Message("assistant", "Yes?")])
    '{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}]}\n'
    """
    pair = Pair(conversations=tuple(_turn(message) for message in messages))
    if problems := list(faults(pair)):
        raise UnusableInput(problems)
    return json.dumps(MESSAGES.row(pair), ensure_ascii=False) + "\n"


def _turn(message: Message) -> Turn:
    """What is said of an image tag is no image."""
    if message.role == "assistant":
        return Turn(role="assistant", content=escaped_answer(message.content))
    role = "human" if message.role == "user" else "system"
    return Turn(role=role, content=escaped(message.content))

"""A conversation that a model can hold: its oldest turns go where it is too long."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from erniekit_finetuning.engines.protocol import Message
from erniekit_finetuning.errors import Problem, UnusableInput


def fitted(
    messages: Sequence[Message],
    count_tokens: Callable[[Sequence[Message]], int],
    context: int,
    max_new_tokens: int,
) -> tuple[Message, ...]:
    """The conversation, without as many of its oldest exchanges as leave room for the answer.

    System turn and last question always stay; at most half of the context is kept for an answer.
    Raises UnusableInput where nothing is asked.

    >>> talk = [Message("user", "aaa"), Message("assistant", "bbb"), Message("user", "cc")]
    >>> def letters(said):
    ...     return sum(len(message.content) for message in said)
    >>> [message.content for message in fitted(talk, letters, 10, 4)]
    ['cc']
    >>> len(fitted(talk, letters, 12, 4))
    3
    """
    first = 1 if messages and messages[0].role == "system" else 0
    system, turns = tuple(messages[:first]), tuple(messages[first:])
    most = context - min(max_new_tokens, context // 2)
    starts = [at for at, message in enumerate(turns) if message.role == "user"]
    if not turns or turns[-1].role != "user":
        raise UnusableInput(Problem("the conversation does not end with a question"))
    for start in starts[:-1]:
        if count_tokens([*system, *turns[start:]]) <= most:
            return (*system, *turns[start:])
    return (*system, *turns[starts[-1] :])

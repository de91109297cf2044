"""Values from the document are preferred, others possible."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.invoice.json_parts import Sort, parts

PENALTY = 3.0  # nats: another value must be 20 times as probable as the document's


class _Grammar(Protocol):
    def added(self) -> NDArray[np.float32]: ...

    def possible(self, tokens: Sequence[int]) -> int: ...

    def accept(self, token: int) -> None: ...

    def takes(self, tokens: list[int]) -> bool: ...


class Preference:
    """The state of one answer; see `engines.protocol.Constraint`.

    A token with which a value leaves the document has PENALTY taken from its logit, so it is chosen
    when it is more than e^PENALTY times as probable as the best token that stays. That is paid once
    a value: one that has left goes on by its type alone, and may be said again in this answer.
    """

    def __init__(
        self,
        allowed: _Grammar,
        preferred: Callable[[list[str]], _Grammar],
        decode: Callable[[list[int]], bytes],
    ) -> None:
        """`preferred` makes the grammar of the document's values and of some JSON texts beside."""
        self._allowed = allowed
        self._make = preferred
        self._decode = decode
        self._preferred: _Grammar | None = preferred([])
        self._tokens: list[int] = []
        self._said: list[str] = []
        self._left = 0  # characters of the answer before the value that left the document

    def added(self) -> NDArray[np.float32]:
        """0, -PENALTY, or -inf for what is not of the answer's shape."""
        allowed = self._allowed.added()
        if self._preferred is None:
            return allowed
        bent: NDArray[np.float32] = np.maximum(self._preferred.added(), np.float32(-PENALTY))
        return allowed + bent

    def possible(self, tokens: Sequence[int]) -> int:
        """How many of these, from the first on, may come next without leaving the document."""
        return (self._preferred or self._allowed).possible(tokens)

    def accept(self, token: int) -> None:
        """Go on by one token. Raises UnusableInput for one that is not of the answer's shape."""
        self._allowed.accept(token)
        if self._preferred is not None and not self._preferred.takes([token]):
            self._preferred = None
            self._left = len(self._text())
        self._tokens.append(token)
        if self._preferred is None:
            self._rejoin()

    def _rejoin(self) -> None:
        """Prefer the document again as soon as the value that left it is whole."""
        text = self._text()
        said = list(parts(text))
        if said[-1].sort is Sort.TORN or said[-1].stop <= self._left:
            return
        values = self._said + [
            text[p.start : p.stop] for p in said if p.sort is Sort.VALUE and p.stop > self._left
        ]
        preferred = self._make(values)
        if preferred.takes(self._tokens):
            self._preferred, self._said = preferred, values

    def _text(self) -> str:
        return self._decode(self._tokens).decode("utf-8", "ignore")

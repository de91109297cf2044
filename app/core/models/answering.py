"""What answers questions: a process of our own, or a server that was started elsewhere."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Protocol

from app.core.models.asked import Asked
from erniekit_finetuning.engines.protocol import Generation


class Unavailable(Exception):
    """The model cannot be asked any more; the reason is the service's own affair."""


class Died(Exception):
    """The model's process ended each time that it was asked this."""


class Answering(Protocol):
    """A model that is asked from many threads."""

    @property
    def ready(self) -> bool:
        """Whether it can be asked now."""
        ...

    @property
    def sees_images(self) -> bool:
        """Whether questions may carry images."""
        ...

    def __len__(self) -> int:
        """How many questions are open."""
        ...

    def submit(self, asked: Asked) -> Future[Generation]:
        """Ask; cancelling the future gives the question up.

        Raises Busy when too many are open, Closed after `close`, Unavailable when the model cannot
        be asked any more. The future raises UnusableInput for what cannot be asked, Died and
        Unavailable.
        """
        ...

    def close(self) -> None:
        """Answer what is open, then end."""
        ...

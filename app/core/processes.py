"""Processes of our own: they talk by their standard streams and end when their input does."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from typing import BinaryIO


class Busy(Exception):
    """More wait than may; `retry_after` is whole seconds until there should be room."""

    def __init__(self, retry_after: int, what: str = "too many documents wait") -> None:
        self.retry_after = retry_after
        super().__init__(f"{what}; try again in {retry_after} s")


class Closed(Exception):
    """What is open is answered, and nothing new is taken."""


def started(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start one that does not hear what interrupts this one: it is ended by closing its input."""
    # What numpy multiplies there is small: more threads of its own cost a fifth.
    env = {"OPENBLAS_NUM_THREADS": "1", **os.environ}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True, env=env)


def answers_out() -> BinaryIO:
    """The output of such a process, for its answers alone: what libraries print goes elsewhere."""
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    return out

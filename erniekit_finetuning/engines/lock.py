"""One training a folder at a time."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from erniekit_finetuning.errors import Problem, UnusableInput

# The worker of a training that was just killed may still be ending.
PATIENCE = 20.0


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a folder for this process, which loses it when it ends, however it ends.

    Raises UnusableInput when another process keeps it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "training.lock").open("w") as file:
        began = time.monotonic()
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if time.monotonic() - began > PATIENCE:
                    cure = "wait for it, or name another output folder"
                    what = "another training is writing here"
                    raise UnusableInput(Problem(what, file=str(folder), cure=cure)) from error
                time.sleep(0.1)
        yield

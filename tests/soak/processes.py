"""The processes of a service: found, weighed, killed."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import NamedTuple

PAGE = os.sysconf("SC_PAGE_SIZE")


class Process(NamedTuple):
    """A process, what it does, and its resident memory in MB."""

    pid: int
    role: str
    megabytes: float


def tree(root: int) -> list[Process]:
    """The process and all below it."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            # The name in brackets may hold anything, brackets too.
            parents[int(folder.name)] = int(
                (folder / "stat").read_text().rpartition(")")[2].split()[1]
            )
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return [one for pid in found if (one := _process(pid)) is not None]


def memory(root: int) -> dict[str, float]:
    """Resident MB by role: the service, its model processes, its document processes."""
    sums = {"service": 0.0, "model": 0.0, "document": 0.0}
    for one in tree(root):
        sums[one.role] += one.megabytes
    return sums


def kill_one(root: int, rng: Random) -> str | None:
    """Kill one of the workers; its role, or None where there was none."""
    workers = [one for one in tree(root) if one.role != "service"]
    if not workers:
        return None
    one = rng.choice(workers)
    with suppress(ProcessLookupError):
        os.kill(one.pid, signal.SIGKILL)
    return one.role


def _process(pid: int) -> Process | None:
    folder = Path("/proc") / str(pid)
    try:
        command = (folder / "cmdline").read_text()
        pages = int((folder / "statm").read_text().split()[1])
    except OSError:
        return None
    roles = ("model", "document")
    role = next((one for one in roles if f"{one}_worker.py" in command), "service")
    return Process(pid, role, pages * PAGE / 2**20)

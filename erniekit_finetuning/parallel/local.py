"""Work in this process, or in others on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor
from concurrent.futures import wait as first_of
from itertools import islice
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread
from typing import TypeVar

Item = TypeVar("Item")
Job = TypeVar("Job")
Done = TypeVar("Done")
AHEAD = 4  # jobs that wait for each worker, so that none is idle and few are held


def chunks(items: Iterator[Item], size: int) -> Iterator[list[Item]]:
    """The items in lists of `size`, the last maybe shorter."""
    while chunk := list(islice(items, size)):
        yield chunk


def done_here(work: Callable[[Job], Done], jobs: Iterator[Job], workers: int = 1) -> Iterator[Done]:
    """The results of `work`: in order with one worker, else in whatever order they are done.

    `work` must be importable by name (a partial of a module's function) when there are several
    workers. What it raises is raised here.
    """
    if workers == 1:
        yield from map(work, jobs)
        return
    # spawn: a fork would copy the threads and locks of native libraries.
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_end_with_the_parent) as pool:
        waiting: set[Future[Done]] = set()
        try:
            for job in jobs:
                waiting.add(pool.submit(work, job))
                if len(waiting) >= AHEAD * workers:
                    done, waiting = first_of(waiting, return_when=FIRST_COMPLETED)
                    yield from (one.result() for one in done)
            while waiting:
                done, waiting = first_of(waiting, return_when=FIRST_COMPLETED)
                yield from (one.result() for one in done)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _end_with_the_parent() -> None:
    """End this worker when its parent is killed: nobody else would tell it."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    Thread(target=watch, daemon=True).start()

"""Who makes the documents: this process, others on this machine, or a Ray cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor
from concurrent.futures import wait as first_of
from itertools import islice
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread
from typing import NamedTuple, TypeVar

T = TypeVar("T")
CHUNK = 8  # documents between two reports
AHEAD = 4  # chunks that wait for each worker, so that none is idle and few are held


class Made(NamedTuple):
    """What a chunk of work came to."""

    documents: int
    pages: int


Work = Callable[[Sequence[int]], Made]


def chunks(indexes: Iterator[int]) -> Iterator[list[int]]:
    """The indexes in lists of CHUNK."""
    while chunk := list(islice(indexes, CHUNK)):
        yield chunk


def in_this_process(work: Work, todo: Iterator[list[int]]) -> Iterator[Made]:
    """One chunk after the other."""
    return map(work, todo)


def in_processes(work: Work, todo: Iterator[list[int]], workers: int) -> Iterator[Made]:
    """Chunks in `workers` processes, in whatever order they are done."""
    # spawn: a fork would copy typst's and pdfium's threads and locks.
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_end_with_the_parent) as pool:
        waiting: set[Future[Made]] = set()
        try:
            for chunk in todo:
                waiting.add(pool.submit(work, chunk))
                if len(waiting) >= AHEAD * workers:
                    done, waiting = first_of(waiting, return_when=FIRST_COMPLETED)
                    yield from (job.result() for job in done)
            while waiting:
                done, waiting = first_of(waiting, return_when=FIRST_COMPLETED)
                yield from (job.result() for job in done)
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

"""Work on a Ray cluster: an existing engine that starts tasks and repeats what is lost."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.parallel.local import AHEAD, Done, Job

LOCAL = "local"


def done_on_ray(work: Callable[[Job], Done], jobs: Iterator[Job], address: str) -> Iterator[Done]:
    """The results of `work`, done in tasks of one core each, in whatever order they are done.

    `address` is what `ray.init` takes ("auto", "host:6379", "ray://host:10001"), or "local" for a
    cluster of this machine alone. Raises UnusableInput without Ray or without that cluster; what
    `work` raises is raised here.
    """
    try:
        import ray
    except ImportError as error:
        raise UnusableInput(
            Problem("Ray is not installed", field="ray", cure='pip install "ernie-invoice[ray]"')
        ) from error
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a cluster of ours reports to nobody
    try:
        ray.init(address=address, log_to_driver=False)
    except ConnectionError as error:
        raise UnusableInput(
            Problem(
                "no Ray cluster answers",
                field="ray",
                found=address,
                cure="start one (ray start --head), or name --ray local",
            )
        ) from error
    try:
        task = ray.remote(num_cpus=1)(_apply)
        limit = AHEAD * max(int(ray.cluster_resources().get("CPU", 1)), 1)
        waiting: list[ray.ObjectRef] = []
        for job in jobs:
            waiting.append(task.remote(work, job))
            if len(waiting) >= limit:
                done, waiting = ray.wait(waiting)
                yield from ray.get(done)
        while waiting:
            done, waiting = ray.wait(waiting)
            yield from ray.get(done)
    finally:
        ray.shutdown()


def _apply(work: Callable[[Any], Any], job: Any) -> Any:
    return work(job)

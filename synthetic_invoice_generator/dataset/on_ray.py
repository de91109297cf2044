"""The same work on a Ray cluster whose machines share the output folder.

Ray starts processes, moves arguments, restarts what was lost; the bytes depend on the document
alone, so where it is made does not matter.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from erniekit_finetuning.errors import Problem, UnusableInput
from synthetic_invoice_generator.dataset.provenance import made_with
from synthetic_invoice_generator.dataset.working import AHEAD, Made, Work

LOCAL = "local"


def on_ray(work: Work, todo: Iterator[list[int]], address: str, claim: Path) -> Iterator[Made]:
    """Chunks as Ray tasks of one core each, in whatever order they are done.

    `address` is what `ray.init` takes ("auto", "host:6379", "ray://host:10001"), or "local" for a
    cluster of this machine alone. `claim` is a file of the set that every machine must see. Raises
    UnusableInput without Ray or without that cluster, or when a machine differs from this one.
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
        task = ray.remote(num_cpus=1)(_on_a_node)
        place, expected = claim.resolve(), made_with()
        limit = AHEAD * max(int(ray.cluster_resources().get("CPU", 1)), 1)
        waiting: list[ray.ObjectRef] = []
        for chunk in todo:
            waiting.append(task.remote(work, place, expected, chunk))
            if len(waiting) >= limit:
                done, waiting = ray.wait(waiting)
                yield from ray.get(done)
        while waiting:
            done, waiting = ray.wait(waiting)
            yield from ray.get(done)
    finally:
        ray.shutdown()


def _on_a_node(
    work: Work, claim: Path, expected: dict[str, object], indexes: Sequence[int]
) -> Made:
    """Do the work where Ray put it, if this machine would draw the same bytes."""
    if not claim.exists():
        raise UnusableInput(
            Problem(
                "a machine of the cluster does not see the set",
                file=str(claim),
                cure="name an output folder that all machines share under the same path",
            )
        )
    if made_with() != expected:
        raise UnusableInput(
            Problem(
                "a machine of the cluster would draw other bytes",
                found=str(made_with()),
                expected=str(expected),
                cure="install the same versions and typefaces (make fonts) on every machine",
            )
        )
    return work(indexes)

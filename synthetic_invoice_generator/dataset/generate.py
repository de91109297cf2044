"""A data set of synthetic invoices in a folder: made in parallel, resumable, always the same."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.files import write_json
from erniekit_finetuning.parallel.local import chunks, done_here
from erniekit_finetuning.parallel.on_ray import done_on_ray
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.dataset.card import Tally, write_card
from synthetic_invoice_generator.dataset.document_files import FOLDERS, images_of, write_document
from synthetic_invoice_generator.dataset.manifests import manifests
from synthetic_invoice_generator.dataset.members import Member, members
from synthetic_invoice_generator.dataset.provenance import made_with
from synthetic_invoice_generator.dataset.sheet import SHOWN, write_sheet

SETTINGS = "generator.json"
CHUNK = 8  # documents between two reports
_COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TextColumn("{task.fields[rate]:.1f} pages/s"),
    TimeRemainingColumn(),
)


class Made(NamedTuple):
    """What a chunk of work came to."""

    documents: int
    pages: int


@dataclass(frozen=True)
class GenerateResult:
    """What a run did: documents and pages in the set, and how many documents this run made."""

    output: Path
    documents: int
    pages: int
    made: int


def generate(
    config: GeneratorConfig,
    count: int,
    output: Path,
    seed: int,
    workers: int = 1,
    progress: bool = False,
    ray: str | None = None,
) -> GenerateResult:
    """Make the first `count` documents of the set (config, seed) under `output`.

    Documents already whole on disk are kept, so a killed run continues and a larger `count` adds.
    A document depends only on (config, seed, its index), never on who makes it: `workers` processes
    here, or the Ray cluster at the address `ray`. With `progress` a bar is shown on stderr. Raises
    UnusableInput when `output` holds another set or a number is below 1.
    """
    _check(count, output, workers)
    _claim(output, config, seed)
    for folder in FOLDERS:
        (output / folder).mkdir(parents=True, exist_ok=True)
        for left_over in (output / folder).glob(".*.part"):
            left_over.unlink()
    made = _make(config, count, output, seed, workers, progress, ray)
    tally = Tally()
    first: list[Member] = []
    with manifests(output) as enter:
        for member in members(output):
            enter(member)
            tally.count(member)
            if len(first) < SHOWN:
                first.append(member)
    write_card(output, config, seed, tally)
    write_sheet(output, first)
    return GenerateResult(output, tally.documents, tally.pages, made)


def _make(
    config: GeneratorConfig,
    count: int,
    output: Path,
    seed: int,
    workers: int,
    progress: bool,
    ray: str | None,
) -> int:
    """Make the documents that are missing; returns how many there were."""
    # A worker elsewhere has another current folder.
    work = partial(make_documents, output.resolve(), config, seed)
    bar = Progress(*_COLUMNS, console=Console(stderr=True), disable=not progress)
    task = bar.add_task("invoices", total=count, rate=0.0)

    def missing() -> Iterator[int]:
        for index in range(count):
            if images_of(output, index):
                bar.advance(task)
            else:
                yield index

    todo = chunks(missing(), CHUNK)
    if ray is None:
        done = done_here(work, todo, workers)
    else:
        there = partial(_on_a_machine, work, (output / SETTINGS).resolve(), made_with())
        done = done_on_ray(there, todo, ray)
    documents = pages = 0
    start = time.monotonic()
    with bar:
        for made in done:
            documents, pages = documents + made.documents, pages + made.pages
            rate = pages / (time.monotonic() - start)
            bar.update(task, advance=made.documents, rate=rate)
    return documents


def make_documents(
    output: Path, config: GeneratorConfig, seed: int, indexes: Sequence[int]
) -> Made:
    """Write the documents of `indexes`; runs in a worker process, too."""
    return Made(len(indexes), sum(write_document(output, config, seed, at) for at in indexes))


def _on_a_machine(
    work: Callable[[Sequence[int]], Made],
    claim: Path,
    expected: dict[str, object],
    indexes: Sequence[int],
) -> Made:
    """Do the work on a machine of a cluster, if it sees the set and would draw the same bytes."""
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


def _check(count: int, output: Path, workers: int) -> None:
    problems = [
        Problem("is too small", field=name, found=str(value), expected="at least 1")
        for name, value in (("count", count), ("workers", workers))
        if value < 1
    ]
    if output.exists() and not output.is_dir():
        problems.append(Problem("is not a folder", file=str(output), cure="name another output"))
    if problems:
        raise UnusableInput(problems)


def _claim(output: Path, config: GeneratorConfig, seed: int) -> None:
    """Write what the set is made of and with, or check that the folder's set has the same."""
    mine = {"seed": seed, "config": config.model_dump(mode="json"), "made_with": made_with()}
    path = output / SETTINGS
    if not path.exists():
        if any((output / folder).exists() for folder in FOLDERS):
            raise UnusableInput(
                Problem(
                    f"holds files but no {SETTINGS}, so this set cannot continue there",
                    file=str(output),
                    cure="name an empty or a new folder",
                )
            )
        write_json(path, mine)
        return
    theirs = json.loads(path.read_text(encoding="utf-8"))
    if theirs == mine:
        return
    raise UnusableInput(
        [
            Problem(
                "the folder holds another set",
                file=str(path),
                field=name,
                found=json.dumps(old),
                expected=json.dumps(new),
                cure="name another folder, or use what the set was made with",
            )
            for name, old, new in _differences(theirs, mine)
        ]
    )


def _differences(
    theirs: dict[str, object], mine: dict[str, object]
) -> Iterator[tuple[str, object, object]]:
    for name in sorted(mine.keys() | theirs.keys()):
        old, new = theirs.get(name), mine.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            for field, was, wanted in _differences(old, new):
                yield f"{name}.{field}", was, wanted
        elif old != new:
            yield name, old, new

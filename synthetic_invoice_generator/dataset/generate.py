"""A data set of synthetic invoices in a folder: made in parallel, resumable, always the same."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path
from threading import Thread

from rich.console import Console
from rich.progress import Progress

from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.files import write_json
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.dataset.card import write_card, write_sheet
from synthetic_invoice_generator.dataset.document_files import FOLDERS, images_of, write_document
from synthetic_invoice_generator.dataset.manifests import write_manifests
from synthetic_invoice_generator.dataset.members import members
from synthetic_invoice_generator.dataset.provenance import made_with

SETTINGS = "generator.json"
_CHUNK = 8  # documents a worker makes between two reports


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
) -> GenerateResult:
    """Make the first `count` documents of the set (config, seed) under `output`.

    Documents already whole on disk are kept, so a killed run continues and a larger `count` adds.
    A document depends only on (config, seed, its index), never on `workers`. With `progress` a bar
    is shown on stderr. Raises UnusableInput when `output` holds another set or a number is below 1.
    """
    _check(count, output, workers)
    _claim(output, config, seed)
    for folder in FOLDERS:
        (output / folder).mkdir(parents=True, exist_ok=True)
        for left_over in (output / folder).glob(".*.part"):
            left_over.unlink()
    todo = [index for index in range(count) if not images_of(output, index)]
    with Progress(console=Console(stderr=True), disable=not progress) as bar:
        task = bar.add_task("invoices", total=count, completed=count - len(todo))
        for made in _work(output, config, seed, todo, workers):
            bar.advance(task, made)
    whole = list(members(output))
    write_manifests(output, whole)
    write_card(output, config, seed, whole)
    write_sheet(output, whole)
    pages = sum(len(member.images) for member in whole)
    return GenerateResult(output, len(whole), pages, len(todo))


def _work(
    output: Path, config: GeneratorConfig, seed: int, todo: list[int], workers: int
) -> Iterator[int]:
    """Make the documents of `todo`; yields the number made with every chunk."""
    chunks = [todo[start : start + _CHUNK] for start in range(0, len(todo), _CHUNK)]
    if workers == 1 or len(chunks) < 2:
        for chunk in chunks:
            yield make_documents(output, config, seed, chunk)
        return
    # spawn: a fork would copy typst's and pdfium's threads and locks.
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_end_with_the_parent) as pool:
        jobs = [pool.submit(make_documents, output, config, seed, chunk) for chunk in chunks]
        try:
            for job in as_completed(jobs):
                yield job.result()
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


def make_documents(output: Path, config: GeneratorConfig, seed: int, indexes: list[int]) -> int:
    """Write the documents of `indexes`; runs in a worker process. Returns how many."""
    for index in indexes:
        write_document(output, config, seed, index)
    return len(indexes)


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

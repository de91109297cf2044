"""Rows to a file of pairs: in shards that a killed run keeps, then joined, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TextIO

import numpy as np
import numpy.typing as npt

from erniekit_finetuning.data.record import Rank, Rejected
from erniekit_finetuning.data.rows import read_rows
from erniekit_finetuning.data.shards import (
    INDEX,
    SEPARATOR,
    Count,
    Job,
    Plan,
    make_shard,
    rejection,
    shard_files,
)
from erniekit_finetuning.data.sources.reading import units
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.files import write_text, written_whole
from erniekit_finetuning.parallel.local import chunks, done_here
from erniekit_finetuning.parallel.on_ray import done_on_ray

_FEW, _MANY = 64, 2000  # records of a shard, with and without files to open


@dataclass
class Summary(Count):
    """What a preparation did: read = converted + rejected. `pairs` by split."""

    pairs: Counter[str] = field(default_factory=Counter)

    @property
    def converted(self) -> int:
        """Pairs in all splits."""
        return sum(self.pairs.values())


def prepare(
    source: str,
    output: Path,
    plan: Plan,
    *,
    workers: int = 1,
    ray: str | None = None,
    progress: Callable[[int], None] = lambda records: None,
) -> Summary:
    """Convert the rows of `source` into `output` and, beside it, `*.rejected.jsonl`.

    Of several records of one document the most reviewed stays, of equal ones the last. A killed run
    goes on where it was; the files appear whole, in the order of the source, whoever did the work.
    Raises UnusableInput when no record could be converted.
    """
    parts = output.with_name(f".{output.name}.parts")
    _claim(parts, source, plan)
    size = _FEW if plan.building.text or plan.building.check_images else _MANY
    shards = 0

    def jobs() -> Iterator[Job]:
        nonlocal shards
        for number, some in enumerate(chunks(units(read_rows(source)), size)):
            shards = number + 1
            yield Job(number, some, parts.resolve())

    work = partial(make_shard, plan)
    counts = done_here(work, jobs(), workers) if ray is None else done_on_ray(work, jobs(), ray)
    summary = Summary()
    summary.pairs.update(dict.fromkeys(plan.split_names, 0))
    for count in counts:
        summary.add(count)
        progress(count.read)
    _join(parts, shards, output, plan, summary)
    shutil.rmtree(parts)
    if not summary.converted:
        output.unlink()
        aside = rejected_file(output)
        raise UnusableInput(
            Problem(
                "no record could be converted",
                file=str(aside) if summary.rejected else source,
                found=next(iter(summary.reasons), "an empty source"),
                cure="read the reasons in that file" if summary.rejected else "check the source",
            )
        )
    return summary


def rejected_file(output: Path) -> Path:
    """Where the rejected records of an output are kept."""
    return output.with_name(f"{output.stem}.rejected.jsonl")


def split_file(output: Path, split: str) -> Path:
    """The file of a split: the output itself for `train`."""
    if split == "train":
        return output
    return output.with_name(f"{output.stem}.{split}{output.suffix}")


def _claim(parts: Path, source: str, plan: Plan) -> None:
    """Keep the shards of the same preparation, drop those of another one."""
    path = Path(source)
    stat = path.stat() if path.is_file() else None
    mine = {
        "source": source,
        "size": stat and stat.st_size,
        "changed": stat and stat.st_mtime_ns,
        "plan": hashlib.sha256(repr(plan).encode()).hexdigest(),
    }
    note = parts / "job.json"
    if note.is_file() and json.loads(note.read_text(encoding="utf-8")) == mine:
        return
    shutil.rmtree(parts, ignore_errors=True)
    parts.mkdir(parents=True)
    write_text(note, json.dumps(mine))


def _join(parts: Path, shards: int, output: Path, plan: Plan, summary: Summary) -> None:
    """Write the outputs from the shards; counts what is superseded and the pairs of each split."""
    indexes = [np.load(shard_files(parts, at).index, allow_pickle=False) for at in range(shards)]
    index = np.concatenate(indexes) if indexes else np.empty(0, INDEX)
    keep, best = _best(index)
    names = plan.split_names
    with ExitStack() as stack:
        files = [stack.enter_context(_Lines(split_file(output, name))) for name in names]
        aside = stack.enter_context(_Lines(rejected_file(output), needed=False))
        at = 0
        for number in range(shards):
            shard = shard_files(parts, number)
            with shard.rejected.open(encoding="utf-8") as lines:
                for line in lines:
                    aside.write(line.rstrip("\n"))
            with shard.lines.open(encoding="utf-8", newline="\n") as lines:
                for line in lines:
                    origin, _, row = line.rstrip("\n").partition(SEPARATOR)
                    if keep[at]:
                        split = int(index["split"][at])
                        files[split].write(row)
                        summary.pairs[names[split]] += 1
                    else:
                        why = _superseded(index["rank"][at], best[at])
                        aside.write(rejection(Rejected(origin, why, json.loads(row))))
                        summary.rejected += 1
                        summary.reasons[why] += 1
                    at += 1


def _best(index: npt.NDArray[np.void]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.uint8]]:
    """Which line of each identity stays (of the highest rank the last), and its rank for all."""
    order = np.lexsort((np.arange(len(index)), index["rank"], index["id"]))
    ids = index["id"][order]
    last = np.append(ids[1:] != ids[:-1], True)[: len(ids)]
    keep = np.zeros(len(index), bool)
    keep[order[last]] = True
    sizes = np.diff(np.flatnonzero(last), prepend=-1)
    best = np.zeros(len(index), np.uint8)
    best[order] = np.repeat(index["rank"][order[last]], sizes)
    return keep, best


def _superseded(rank: int, best: int) -> str:
    if best > rank and best == Rank.CORRECTION:
        return "a correction of the same document replaces it"
    return "the same document id stands again"


class _Lines:
    """A file of rows: one a line, or one JSON array where its name ends with .json."""

    def __init__(self, path: Path, needed: bool = True) -> None:
        self._path, self._needed = path, needed
        self._array = path.suffix == ".json"
        self._stack, self._count = ExitStack(), 0
        self._file: TextIO | None = None

    def __enter__(self) -> _Lines:
        if self._needed:
            self._open()
        return self

    def _open(self) -> TextIO:
        aside = self._stack.enter_context(written_whole(self._path))
        self._file = self._stack.enter_context(aside.open("w", encoding="utf-8"))
        return self._file

    def write(self, row: str) -> None:
        """One row more."""
        file = self._file or self._open()
        if self._array:
            file.write("[\n" if self._count == 0 else ",\n")
        file.write(row if self._array else row + "\n")
        self._count += 1

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None and self._file is not None and self._array:
            self._file.write("\n]\n" if self._count else "[]\n")
        if kind is None and self._file is None:
            self._path.unlink(missing_ok=True)
        self._stack.__exit__(kind, *rest)  # type: ignore[arg-type]

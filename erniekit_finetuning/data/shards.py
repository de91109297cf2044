"""A part of a preparation: its lines, its rejections, and an index of what each line is."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from erniekit_finetuning.data.building import Building, build
from erniekit_finetuning.data.formats import FORMATS
from erniekit_finetuning.data.pair import compact
from erniekit_finetuning.data.record import Folders, Labelled, Rejected
from erniekit_finetuning.data.sources.active_learning import Reading
from erniekit_finetuning.data.sources.reading import Unit, record_of
from erniekit_finetuning.data.splitting import GroupBy, group_of, split_of
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.files import write_bytes, written_whole

SEPARATOR = "\x1f"  # between a line's origin and the line
# A line's identity, how much it is worth (Rank), and the number of its split.
INDEX = np.dtype([("id", "u8"), ("rank", "u1"), ("split", "u1")])


@dataclass(frozen=True)
class Plan:
    """Everything that the lines of a preparation depend on, beside the rows themselves.

    `text_route`: the document's text takes the place of its images, in every format.
    """

    folders: Folders
    reading: Reading
    building: Building
    format: str = "pairs"
    text_route: bool = False
    splits: tuple[tuple[str, float], ...] = ()
    group_by: GroupBy = GroupBy.DOCUMENT
    seed: int = 0

    @property
    def split_names(self) -> tuple[str, ...]:
        """The splits in the order of their numbers."""
        return ("train", *(name for name, _ in self.splits))


class Job(NamedTuple):
    """Units to convert into shard `number` below `folder`."""

    number: int
    units: Sequence[Unit]
    folder: Path


@dataclass
class Count:
    """What was read, what became of it, and which keys had no place."""

    read: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)

    def add(self, other: Count) -> None:
        """Count another part, too."""
        self.read += other.read
        self.rejected += other.rejected
        self.reasons.update(other.reasons)
        self.ignored.update(other.ignored)


@dataclass(frozen=True)
class ShardFiles:
    """The files of a shard; the count is written last."""

    lines: Path
    rejected: Path
    index: Path
    count: Path


def shard_files(folder: Path, number: int) -> ShardFiles:
    """The files of shard `number`."""
    stem = f"{number:07d}"
    return ShardFiles(*(folder / f"{stem}.{end}" for end in ("lines", "rejected", "npy", "json")))


def make_shard(plan: Plan, job: Job) -> Count:
    """Convert the units of a job and write its shard; one that is there already is kept."""
    files = shard_files(job.folder, job.number)
    if files.count.exists():
        return read_count(files.count)
    count, index = Count(), []
    with (
        written_whole(files.lines) as lines,
        written_whole(files.rejected) as rejected,
        lines.open("w", encoding="utf-8") as good,
        rejected.open("w", encoding="utf-8") as bad,
    ):
        for unit in job.units:
            count.read += 1
            made = converted(plan, unit)
            if isinstance(made, Rejected):
                count.rejected += 1
                count.reasons[_short(made.reason)] += 1
                bad.write(rejection(made) + "\n")
            else:
                line, entry, ignored = made
                good.write(line + "\n")
                index.append(entry)
                count.ignored.update(ignored)
    np.save(files.index, np.array(index, INDEX), allow_pickle=False)
    write_bytes(files.count, compact(vars(count)).encode())
    return count


def read_count(path: Path) -> Count:
    """The count of a shard that is whole."""
    found = json.loads(path.read_text(encoding="utf-8"))
    return Count(
        found["read"], found["rejected"], Counter(found["reasons"]), Counter(found["ignored"])
    )


def converted(
    plan: Plan, unit: Unit
) -> Rejected | tuple[str, tuple[int, int, int], tuple[str, ...]]:
    """The line of a unit (its origin before it), its index entry and keys without a place."""
    record = record_of(unit, plan.folders, plan.reading)
    if isinstance(record, Rejected):
        return record
    try:
        pair = build(record, plan.building)
        row = FORMATS[plan.format].row(pair.for_text_models() if plan.text_route else pair)
        line = compact(row)
        if not writable(line):
            raise UnusableInput(Problem("a text holds half of a character (a lone surrogate)"))
    except UnusableInput as error:
        shown = unit.rows[0] if len(unit.rows) == 1 else list(unit.rows)
        return Rejected(unit.origin, str(error), shown)
    split = 0
    if plan.splits:
        name = split_of(group_of(record, plan.group_by), dict(plan.splits), plan.seed)
        split = plan.split_names.index(name)
    entry = (identity(record.id), int(record.rank), split)
    line = unit.origin.replace(SEPARATOR, " ") + SEPARATOR + line
    return line, entry, record.ignored if isinstance(record, Labelled) else ()


def identity(name: str) -> int:
    """An id as eight bytes: a million of them collide once in thirty million preparations."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")


def rejection(rejected: Rejected) -> str:
    """The line of a rejected record."""
    row = {"origin": rejected.origin, "reason": rejected.reason, "row": rejected.row}
    text = json.dumps(row, ensure_ascii=False, default=str)
    # Half of a character cannot be written as it is: JSON's own escape keeps it.
    return text if writable(text) else json.dumps(row, default=str)


def writable(text: str) -> bool:
    """Whether a text can be written as UTF-8: JSON may hold half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _short(reason: str) -> str:
    """A reason without what was found, so that like ones count together."""
    return reason.split("\n")[0].split("; found")[0].split(": byte")[0][:160]

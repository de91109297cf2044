"""What a source gives: a labelled document, a ready conversation, or a rejection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Any

from erniekit_finetuning.data.pair import Turn
from erniekit_finetuning.data.schemas.keeping import OwnTruth
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.invoice.model import Invoice


class Rank(IntEnum):
    """How much a record is worth: of two records of one document the higher stays."""

    GUESS = 0  # a model's output nobody reviewed, taken on trust
    TRUTH = 1
    CORRECTION = 2


@dataclass(frozen=True)
class Labelled:
    """A document with its truth. `pdf` is the file the images were drawn from, when known.

    `ignored` are keys that the truth has no place for, `confidence` what the source says of it,
    `tags` what sort of document it is: layout, locale, tier, fault, or what the source calls it.
    """

    id: str
    images: tuple[Path, ...]
    pdf: Path | None
    truth: Invoice | OwnTruth
    ignored: tuple[str, ...] = ()
    rank: Rank = Rank.TRUTH
    confidence: Mapping[str, Any] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Conversation:
    """Turns that somebody wrote, with the images that they speak of."""

    id: str
    turns: tuple[Turn, ...]
    images: tuple[Path, ...] = ()
    rank: Rank = Rank.TRUTH


@dataclass(frozen=True)
class Rejected:
    """A record kept aside: where it stood, why, and the row as read."""

    origin: str
    reason: str
    row: Any


Record = Labelled | Conversation | Rejected


@dataclass(frozen=True)
class Folders:
    """Where the files that records name are looked for. `base` is the folder of the source itself.

    `checked`: each file must exist; else a path is only kept from leaving its folder.
    """

    images: Path
    ground_truth: Path
    base: Path
    checked: bool = True

    def image(self, name: Any, field: str) -> Path:
        """The image or PDF `name` below the images folder; raises UnusableInput."""
        return inside(self.images, file_name(name, field), field, self.checked)


def file_name(value: Any, field: str) -> str:
    """The value as the name of a file; raises UnusableInput for anything else."""
    if not isinstance(value, str) or not value:
        raise UnusableInput(
            Problem("a path is missing", field=field, found=repr(value), expected="a file name")
        )
    return value


def inside(folder: Path, name: str, field: str, checked: bool = True) -> Path:
    """`name` below `folder`; raises UnusableInput for a missing file or a path that leaves it.

    A link that leads out of the folder leaves it, too. Without `checked` no file is looked at.
    """
    if "\0" in name:
        raise UnusableInput(Problem("the path holds a NUL byte", field=field, found=repr(name)))
    if not checked:
        if name.startswith(("/", "~")) or ".." in Path(name).parts:
            raise UnusableInput(_leaves(folder, name, field))
        return folder / name
    try:
        root = resolved(folder)
        path = (root / name).resolve()
        there = path.is_file()
    except (OSError, RuntimeError) as error:  # names that are too long, links in a circle
        raise UnusableInput(
            Problem("the path cannot be followed", field=field, found=name[:200])
        ) from error
    if not path.is_relative_to(root):
        raise UnusableInput(_leaves(folder, name, field))
    if not there:
        raise UnusableInput(
            Problem("no such file", field=field, found=str(folder / name), cure="check the folder")
        )
    return path


@cache
def resolved(folder: Path) -> Path:
    """A folder of a whole run: looked up once, not for each of a million files."""
    return folder.resolve()


def _leaves(folder: Path, name: str, field: str) -> Problem:
    return Problem(
        "the path leaves its folder",
        field=field,
        found=name,
        expected=f"inside {folder}",
        cure="name the folder that holds the files: --images-dir, --ground-truth-dir",
    )

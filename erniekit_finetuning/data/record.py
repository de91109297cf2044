"""What a source gives: a labelled document, a ready conversation, or a rejection."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.invoice.model import Invoice


@dataclass(frozen=True)
class Labelled:
    """A document with its truth. `pdf` is the file the images were drawn from, when known."""

    id: str
    images: tuple[Path, ...]
    pdf: Path | None
    truth: Invoice
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True)
class Conversation:
    """A prompt and a completion that need no document."""

    id: str
    prompt: str
    completion: str


@dataclass(frozen=True)
class Rejected:
    """A record kept aside: the row as read, where it stood, and why."""

    origin: str
    reason: str
    row: Any


Record = Labelled | Conversation | Rejected


def inside(folder: Path, name: str, field: str) -> Path:
    """`name` below `folder`; raises UnusableInput for a missing file or a path that leaves it."""
    root = folder.resolve()
    path = (root / name).resolve()
    if not path.is_relative_to(root):
        raise UnusableInput(
            Problem(
                "the path leaves its folder", field=field, found=name, expected=f"inside {folder}"
            )
        )
    if not path.is_file():
        raise UnusableInput(
            Problem("no such file", field=field, found=str(folder / name), cure="check the folder")
        )
    return path

"""A round of learning is a folder below the service's models, which says how far it came.

round.json         what is learnt with, what it is compared with, and what came of it
corrections.jsonl  the corrections as they were when it began: later ones are for the next round
train.jsonl        what is learnt from
test.jsonl         what is measured on
run/               the training, and the candidate
comparison/        the candidate beside the model that was promoted then
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from erniekit_finetuning.faults import wrong_file
from erniekit_finetuning.files import write_text, written_whole

ROUND, CORRECTIONS = "round.json", "corrections.jsonl"


class State(StrEnum):
    """How far a round came."""

    RUNNING = "running"
    REFUSED = "refused"
    PROMOTED = "promoted"


class Setup(BaseModel):
    """What a round learns with and is compared with; a killed one goes on where it is the same.

    `before`: the model that is to be beaten, with its fingerprint. `held_back`: the share of
    documents that is measured on, with `whole_vendors` all or none of a vendor's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: dict[str, Any]
    before: str
    before_sha256: str
    held_back: float
    whole_vendors: bool

    def learns_as(self, other: Setup) -> bool:
        """Whether the same corrections would give the same candidate."""
        same = {"before", "before_sha256"}
        return self.model_dump(exclude=same) == other.model_dump(exclude=same)


class Round(BaseModel):
    """What round.json holds; `reason` is why the candidate was promoted or refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    begun: datetime
    setup: Setup
    corrections_sha256: str
    state: State = State.RUNNING
    reason: str | None = None


def rounds(models: Path) -> Iterator[tuple[Path, Round]]:
    """Every round, the latest first; what a killed process left behind in making one is removed."""
    for part in models.glob(".*.part"):
        if part.is_dir() and not part.is_symlink():
            shutil.rmtree(part)
    for file in sorted(models.glob(f"*/{ROUND}"), reverse=True):
        yield file.parent, read_round(file.parent)


def begin(models: Path, setup: Setup, corrections: bytes) -> Path:
    """Make the folder of a new round, whole or not at all, with the corrections as they are now."""
    begun = datetime.now(UTC).replace(microsecond=0)
    sha256 = hashlib.sha256(corrections).hexdigest()
    told = hashlib.sha256(f"{sha256} {setup.model_dump_json()}".encode()).hexdigest()
    folder = models / f"{begun:%Y%m%d-%H%M%S}-{told[:8]}"
    with written_whole(folder) as aside:
        aside.mkdir()
        (aside / CORRECTIONS).write_bytes(corrections)
        write_round(aside, Round(begun=begun, setup=setup, corrections_sha256=sha256))
    return folder


def read_round(folder: Path) -> Round:
    """The round of a folder; raises UnusableInput where its file is none of ours."""
    file = folder / ROUND
    try:
        return Round.model_validate_json(file.read_bytes())
    except ValidationError as error:
        cure = "move its folder away"
        raise wrong_file(error, "a round of learning", file=str(file), cure=cure) from error


def write_round(folder: Path, one: Round) -> None:
    """Say how far it came."""
    write_text(folder / ROUND, one.model_dump_json(indent=2) + "\n")


def ended(folder: Path, state: State, reason: str) -> None:
    """Say what came of it."""
    update = {"state": state, "reason": reason}
    write_round(folder, read_round(folder).model_copy(update=update))

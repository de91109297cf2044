"""Which fine-tuned model is promoted: a link that is switched at once, and a log of every switch.

A switch is first written into the log, then done. One that was killed in between is done by
whoever opens the log next; the service reads the link alone, which always names a whole model.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.faults import wrong_file
from erniekit_finetuning.files import on_disk

LINK, LOG = "promoted", "promotions.jsonl"


class Figures(BaseModel):
    """What a promotion stands on: field accuracy and exact amounts of both, on how many documents.

    `interval` holds the 95 % limits of the difference in field accuracy.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    documents: int
    before: float
    after: float
    interval: tuple[float, float]
    amounts_before: float | None
    amounts_after: float | None


class Switch(BaseModel):
    """A line of the log. Models are named as the link names them; None is the settings' own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: datetime
    what: Literal["promoted", "rolled back"]
    before: str | None
    after: str | None
    figures: Figures | None = None


def promoted(models: Path) -> Path | None:
    """The promoted model below `models`, None where none is.

    Raises UnusableInput when the link names no folder.
    """
    name = _linked(models)
    if name is None:
        return None
    if not (models / name).is_dir():
        cure = "put the folder back, or run ernie-invoice rollback"
        what = "the promoted model is not there"
        raise UnusableInput(Problem(what, file=str(models / LINK), found=name, cure=cure))
    return models / name


def promote(models: Path, model: Path, before: Path | None, figures: Figures) -> Switch:
    """Promote a model below `models` in the place of `before`.

    Raises UnusableInput, and changes nothing, when another one is promoted by now.
    """
    with _log(models) as (file, _):
        now, was = _linked(models), None if before is None else str(before.relative_to(models))
        if now != was:
            what, cure = "another model was promoted meanwhile", "run ernie-invoice improve again"
            raise UnusableInput(Problem(what, found=_shown(now), expected=_shown(was), cure=cure))
        after = str(model.relative_to(models))
        return _switch(models, file, "promoted", was, after, figures)


def roll_back(models: Path) -> Switch:
    """Switch to the model that was promoted before this one, at last to the settings' own.

    Raises UnusableInput when nothing is promoted.
    """
    with _log(models) as (file, switches):
        stack = _stack(switches)
        if not stack:
            what = "no model is promoted: there is nothing to roll back"
            raise UnusableInput(Problem(what, file=str(models / LOG)))
        after = stack[-2] if len(stack) > 1 else None
        if after is not None and not (models / after).is_dir():
            what, cure = "the model before this one is not there any more", "put the folder back"
            raise UnusableInput(Problem(what, file=str(models / after), cure=cure))
        return _switch(models, file, "rolled back", stack[-1], after, None)


def mend(models: Path) -> list[Switch]:
    """Do the switch that a killed process only wrote down; returns every switch so far."""
    with _log(models) as (_, switches):
        return switches


def _stack(switches: Sequence[Switch]) -> list[str]:
    """Promoted models that were not rolled back, the present one last."""
    found: list[str] = []
    for one in switches:
        if one.what == "rolled back":
            found.pop()
        elif one.after is not None:
            found.append(one.after)
    return found


def _switch(
    models: Path,
    file: BinaryIO,
    what: Literal["promoted", "rolled back"],
    before: str | None,
    after: str | None,
    figures: Figures | None,
) -> Switch:
    when = datetime.now(UTC).replace(microsecond=0)
    one = Switch(when=when, what=what, before=before, after=after, figures=figures)
    file.write(one.model_dump_json().encode() + b"\n")
    on_disk(file, models)
    _point(models, after)
    return one


@contextmanager
def _log(models: Path) -> Iterator[tuple[BinaryIO, list[Switch]]]:
    """The log, held for this process; what a killed one left is mended first."""
    models.mkdir(parents=True, exist_ok=True)
    with (models / LOG).open("ab+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # until the file is closed
        file.seek(0)
        lines = file.readlines()
        if lines and not lines[-1].endswith(b"\n"):  # of a switch that was never done
            file.truncate(sum(map(len, lines[:-1])))
            lines.pop()
        switches = [_read(models, number, line) for number, line in enumerate(lines, start=1)]
        if switches and _linked(models) != switches[-1].after:
            _point(models, switches[-1].after)
        yield file, switches


def _read(models: Path, number: int, line: bytes) -> Switch:
    try:
        return Switch.model_validate_json(line)
    except ValidationError as error:
        cure = "put back the line as it was: rolling back depends on it"
        raise wrong_file(
            error, "a line of promotions", file=str(models / LOG), line=number, cure=cure
        ) from error


def _linked(models: Path) -> str | None:
    link = models / LINK
    return str(link.readlink()) if link.is_symlink() else None


def _point(models: Path, name: str | None) -> None:
    """Let the link name another model at once, or none; also after a power cut."""
    link, aside = models / LINK, models / f".{LINK}.part"
    if name is None:
        link.unlink(missing_ok=True)
    else:
        aside.unlink(missing_ok=True)
        aside.symlink_to(name)
        aside.replace(link)
    on_disk(None, models)


def _shown(name: str | None) -> str:
    return "the settings' own model" if name is None else name

"""What went wrong, as clients are told it: a status, and words for each fault."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, NamedTuple

from app.core.jobs.store import NoSuchJob
from app.core.models.answering import Died, Unavailable
from app.core.models.ernie_vlm_service import TimedOut
from app.core.processes import Busy, Closed
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.extraction import UnreadableAnswer


class TooLarge(UnusableInput):
    """More bytes than may be sent."""


class Refusal(NamedTuple):
    """A status of HTTP, and every fault: `what`, and where known field, found, expected, cure."""

    status: int
    detail: list[dict[str, Any]]


KNOWN: tuple[type[Exception], ...] = (
    Busy, Unavailable, Closed, TimedOut, Died, UnusableInput, UnreadableAnswer,
)  # fmt: skip


def refusal(error: Exception) -> Refusal:
    """One of the known errors as a client is told it."""
    match error:
        case Busy():
            return Refusal(429, [{"what": str(error)}])
        case Unavailable() | Closed():
            return Refusal(503, [{"what": "the model cannot be asked now"}])
        case TimedOut() | Died():
            return Refusal(504, [{"what": str(error)}])
        case UnreadableAnswer():
            what = f"the model could not read the document; {error}"
            return Refusal(422, [{"what": what, "answer": error.answer}])
        case NoSuchJob():
            return Refusal(404, _faults(error))
        case TooLarge():
            return Refusal(413, _faults(error))
        case UnusableInput():
            return Refusal(422, _faults(error))
    raise error


def _faults(error: UnusableInput) -> list[dict[str, Any]]:
    """Its problems without the file's path on this machine, which is nobody's business."""
    faults = map(asdict, error.problems)
    return [{key: one[key] for key in one if key != "file"} for one in faults]

"""Rows of any source to records: each row by its own keys, so that shapes may be mixed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from typing import Any, NamedTuple

from erniekit_finetuning.data.record import Conversation, Folders, Record, Rejected
from erniekit_finetuning.data.rows import Row
from erniekit_finetuning.data.sources.active_learning import Reading, read_reviewed
from erniekit_finetuning.data.sources.chat import alpaca, in_format, prompt_completion
from erniekit_finetuning.data.sources.manifest import document_of, is_entry, read_document
from erniekit_finetuning.errors import Problem, UnusableInput

_CHAT: tuple[tuple[frozenset[str], Callable[..., Conversation]], ...] = (
    (frozenset({"messages"}), in_format("messages")),
    (frozenset({"src", "tgt"}), in_format("erniekit")),
    (frozenset({"text_info"}), in_format("erniekit-vl")),
    (frozenset({"instruction", "output", "input"}), alpaca),
    (frozenset({"instruction", "output"}), prompt_completion),
    (frozenset({"prompt", "completion"}), prompt_completion),
    (frozenset({"completion"}), prompt_completion),
    (frozenset({"prompt", "response"}), prompt_completion),
    (frozenset({"prompt", "output"}), prompt_completion),
)
_REVIEWED = {"corrected_data", "extracted_data", "model_output"}


class Unit(NamedTuple):
    """The rows of one record: one row, or the pages of a document in a manifest."""

    origin: str
    rows: tuple[Any, ...]
    problem: str | None = None


def units(rows: Iterator[Row]) -> Iterator[Unit]:
    """Rows, with neighbouring entries of one document in a manifest together."""
    for document, group in groupby(rows, key=_together):
        if document is None:
            for row in group:
                yield Unit(row.origin, (row.value,), row.problem)
            continue
        pages = list(group)
        yield Unit(pages[0].origin, tuple(row.value for row in pages))


def _together(row: Row) -> str | None:
    return None if row.problem else document_of(row.value)


def record_of(unit: Unit, folders: Folders, reading: Reading) -> Record:
    """The record of a unit, or why there is none."""
    shown = unit.rows[0] if len(unit.rows) == 1 else list(unit.rows)
    if unit.problem is not None:
        return Rejected(unit.origin, unit.problem, shown)
    try:
        return _record(unit, folders, reading)
    except UnusableInput as error:
        return Rejected(unit.origin, str(error), shown)
    except (RecursionError, OverflowError) as error:
        return Rejected(unit.origin, f"cannot be read: {error}", None)


def _record(unit: Unit, folders: Folders, reading: Reading) -> Record:
    row = unit.rows[0]
    if not isinstance(row, Mapping):
        raise UnusableInput(Problem("not an object", found=type(row).__name__, expected="{..}"))
    if row.keys() & _REVIEWED:
        return read_reviewed(row, unit.origin, folders, reading)
    if is_entry(row):
        return read_document(unit.rows, folders, reading)
    if "conversations" in row:
        name = "sharegpt" if _says(row["conversations"], "from") else "pairs"
        return in_format(name)(row, unit.origin, folders)
    for keys, read in _CHAT:
        if keys <= row.keys():
            return read(row, unit.origin, folders)
    raise UnusableInput(
        Problem(
            "the record's shape is not known",
            found=", ".join(sorted(map(str, row)))[:200] or "an empty object",
            expected="a correction, a manifest's entry, messages, conversations, prompt + "
            "completion or instruction + output",
        )
    )


def _says(turns: Any, key: str) -> bool:
    return isinstance(turns, list) and any(
        isinstance(turn, Mapping) and key in turn for turn in turns
    )

"""Inputs of `ernie-invoice check`: files of invoices, each read or refused with its reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from erniekit_finetuning.documents.attachments import invoice_xml
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.invoice.model import Invoice
from erniekit_finetuning.invoice.shapes import read_invoice
from erniekit_finetuning.invoice.strict_json import parse
from erniekit_finetuning.invoice.xml.source import read_xml

MAX_BYTES = 256 * 1024 * 1024  # of a file that is read whole
MAX_LINE = 64 * 1024 * 1024  # of a line of .jsonl
_MAX_ID = 500  # characters; a longer id is none


@dataclass(frozen=True)
class Checked:
    """One input: its id, and its invoice or what makes it unusable."""

    id: str
    invoice: Invoice | None = None
    problems: tuple[Problem, ...] = ()


def inputs(path: Path) -> Iterator[Checked]:
    """Every invoice of a file: one of .xml or .pdf, one or more of .json, one a line of .jsonl.

    A record's id is its `id` or `source`, else its place: FILE, FILE:LINE or FILE[INDEX]. Raises
    UnusableInput for a file that cannot be opened or is of no known type.
    """
    suffix = path.suffix.lower()
    at = Problem("", file=str(path))
    if suffix == ".jsonl":
        yield from _lines(path)
    elif suffix == ".json":
        yield from _array(_whole(path), at)
    elif suffix in (".xml", ".pdf"):
        data = _whole(path)
        yield _checked(
            str(path), at, lambda: read_xml(data if suffix == ".xml" else invoice_xml(data))
        )
    else:
        raise UnusableInput(
            Problem(
                "not a kind of file that can be checked",
                file=str(path),
                found=suffix or "no suffix",
                expected=".json, .jsonl, .xml or a Factur-X .pdf",
            )
        )


def _array(data: bytes, at: Problem) -> Iterator[Checked]:
    try:
        rows = parse(data)
    except UnusableInput as error:
        yield Checked(str(at.file), problems=_placed(error, at))
        return
    if not isinstance(rows, list):
        yield _record(rows, str(at.file), at)
        return
    for index, row in enumerate(rows):
        yield _record(row, f"{at.file}[{index}]", at)


def _lines(path: Path) -> Iterator[Checked]:
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(MAX_LINE):
                number += 1
                place, at = f"{path}:{number}", Problem("", file=str(path), line=number)
                if len(line) == MAX_LINE and not line.endswith(b"\n"):
                    what, limit = "the line is too long", f"at most {MAX_LINE:,} bytes"
                    yield Checked(place, problems=(replace(at, what=what, expected=limit),))
                    return
                if line.strip():
                    yield _line(line, place, at)
    except OSError as error:
        raise _cannot_read(path, error) from error


def _line(line: bytes, place: str, at: Problem) -> Checked:
    try:
        row = parse(line)
    except UnusableInput as error:
        return Checked(place, problems=_placed(error, at))
    return _record(row, place, at)


def _record(row: Any, place: str, at: Problem) -> Checked:
    name = (row.get("id") or row.get("source")) if isinstance(row, dict) else None
    # The id of an invoice in our own JSON is no string.
    name = name if isinstance(name, str) and len(name) <= _MAX_ID else place
    return _checked(name, at, lambda: read_invoice(row).invoice)


def _checked(name: str, at: Problem, read: Callable[[], Invoice]) -> Checked:
    try:
        return Checked(name, read())
    except UnusableInput as error:
        return Checked(name, problems=_placed(error, at))


def _placed(error: UnusableInput, at: Problem) -> tuple[Problem, ...]:
    """The problems with their file, and with the line of .jsonl or of the XML."""
    return tuple(replace(p, file=at.file, line=at.line or p.line) for p in error.problems)


def _whole(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _cannot_read(path, error) from error
    if len(data) > MAX_BYTES:
        raise UnusableInput(
            Problem(
                "the file is too large", file=str(path), expected=f"at most {MAX_BYTES:,} bytes"
            )
        )
    return data


def _cannot_read(path: Path, error: OSError) -> UnusableInput:
    return UnusableInput(
        Problem("cannot be read", file=str(path), found=error.strerror, cure="check the path")
    )

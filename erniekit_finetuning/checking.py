"""Inputs of `ernie-invoice check`: files of invoices, each read or refused with its reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from erniekit_finetuning.documents.attachments import invoice_xml
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.invoice.model import Invoice
from erniekit_finetuning.invoice.shapes import read_invoice
from erniekit_finetuning.invoice.strict_json import parse
from erniekit_finetuning.invoice.xml.source import read_xml

MAX_BYTES = 256 * 1024 * 1024  # of a file that is read whole
MAX_LINE = 64 * 1024 * 1024  # of a line of .jsonl


@dataclass(frozen=True)
class Checked:
    """One input: its id, and its invoice or what makes it unusable."""

    id: str
    invoice: Invoice | None = None
    problems: tuple[Problem, ...] = ()


def inputs(path: Path) -> Iterator[Checked]:
    """Every invoice of a file: one of .json, .xml and .pdf, one a line of .jsonl.

    A record's id is its `id` or `source`, else FILE (FILE:LINE in .jsonl). Raises UnusableInput
    for a file that cannot be opened or is of no known type.
    """
    suffix = path.suffix.lower()
    if suffix == ".jsonl":
        yield from _lines(path)
    elif suffix in _READERS:
        data = _whole(path)
        yield _read(str(path), Problem("", file=str(path)), lambda: _READERS[suffix](data))
    else:
        raise UnusableInput(
            Problem(
                "not a kind of file that can be checked",
                file=str(path),
                found=suffix or "no suffix",
                expected=".json, .jsonl, .xml or a Factur-X .pdf",
            )
        )


def _record(data: bytes) -> tuple[str | None, Invoice]:
    row = parse(data)
    name = (row.get("id") or row.get("source")) if isinstance(row, dict) else None
    # An own-JSON invoice has no id; a record's is a short string.
    return (brief_id(name) if isinstance(name, str) else None), read_invoice(row).invoice


def brief_id(name: str) -> str:
    """An id as it is, but never so long that it hides the findings."""
    return name if len(name) <= 200 else name[:197] + "..."


def _xml(data: bytes) -> tuple[str | None, Invoice]:
    return None, read_xml(data)


def _pdf(data: bytes) -> tuple[str | None, Invoice]:
    return None, read_xml(invoice_xml(data))


_READERS: dict[str, Callable[[bytes], tuple[str | None, Invoice]]] = {
    ".json": _record,
    ".xml": _xml,
    ".pdf": _pdf,
}


def _read(place: str, at: Problem, reader: Callable[[], tuple[str | None, Invoice]]) -> Checked:
    try:
        name, invoice = reader()
    except UnusableInput as error:
        problems = tuple(replace(p, file=at.file, line=at.line) for p in error.problems)
        return Checked(place, problems=problems)
    return Checked(name or place, invoice)


def _lines(path: Path) -> Iterator[Checked]:
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(MAX_LINE):
                number += 1
                place, at = f"{path}:{number}", Problem("", file=str(path), line=number)
                if len(line) == MAX_LINE and not line.endswith(b"\n"):
                    problem = replace(
                        at, what="the line is too long", expected=f"{MAX_LINE:,} bytes"
                    )
                    yield Checked(place, problems=(problem,))
                    return
                if line.strip():
                    yield _read(place, at, lambda line=line: _record(line))  # type: ignore[misc]
    except OSError as error:
        raise _cannot_read(path, error) from error


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

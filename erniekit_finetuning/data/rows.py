"""Rows of a file, one at a time: JSONL, a JSON array, CSV, Parquet, or a data set of the hub.

Memory does not grow with the file. What cannot be read as a row is a row with a problem: nothing is
lost, and what follows is still read.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import ijson

from erniekit_finetuning.errors import Problem, UnusableInput

MAX_ROW = 16 * 1024 * 1024  # bytes of a line; a conversation needs a few thousand
_SHOWN = 2000  # characters of an unreadable line that are kept
_TABLES = {".csv": "csv", ".tsv": "csv", ".parquet": "parquet"}
_FILES = {*_TABLES, ".json", ".jsonl", ".txt"}  # a name on the hub may have points, too
_WIDE = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x00\x00\xfe\xff": "UTF-32"}


class Row(NamedTuple):
    """A row: its number (a line from 1, or an index from 0), and its value or what is wrong."""

    origin: str
    value: Any
    problem: str | None = None


def placed(problem: Problem, row: Row) -> Problem:
    """The problem with the file and line, or element of an array, that it is in."""
    file, _, line = row.origin.rpartition(":")
    if line.isdigit():
        return replace(problem, file=file, line=int(line))
    return replace(problem, file=row.origin)


def read_rows(source: str) -> Iterator[Row]:
    """The rows of a file, of a folder that holds a data set of the hub, or of the hub itself.

    `owner/name` is one of the hub where no such file or folder exists.

    Raises UnusableInput for what is not there or is no text in UTF-8 at all.
    """
    path = Path(source)
    is_file = path.exists() or path.suffix.lower() in _FILES or source.count("/") != 1
    if path.is_dir() or not is_file:
        return rows_of_hub(source)
    if path.suffix.lower() in _TABLES:
        return _of_table(path)
    return _of_json(path)


def _of_json(path: Path) -> Iterator[Row]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise UnusableInput(
            Problem("cannot be read", file=str(path), found=error.strerror, cure="check the path")
        ) from error
    with file:
        start = file.read(4)
        wide = next((name for mark, name in _WIDE.items() if start.startswith(mark)), None)
        if wide:
            raise UnusableInput(
                Problem("is not UTF-8", file=str(path), found=wide, cure="save it as UTF-8")
            )
        file.seek(3 if start.startswith(b"\xef\xbb\xbf") else 0)
        if _first(file) == b"[":
            yield from _of_array(file, path)
        else:
            yield from _of_lines(file, path)


def _first(file: BinaryIO) -> bytes:
    """The first byte that is not white space; the file stands where it stood."""
    place = file.tell()
    byte = b" "
    while byte.isspace():
        byte = file.read(1)
    file.seek(place)
    return byte


def _of_lines(file: BinaryIO, path: Path) -> Iterator[Row]:
    number = 0
    while line := file.readline(MAX_ROW + 1):
        number += 1
        origin = f"{path}:{number}"
        if len(line) > MAX_ROW:
            while line and not line.endswith(b"\n"):
                last, line = line, file.readline(MAX_ROW)
            yield Row(origin, _text(last), f"the line is longer than {MAX_ROW:,} bytes")
        elif line.strip():
            yield parsed(line, origin)


def parsed(line: bytes, origin: str) -> Row:
    """A line of JSON; numbers with a point are Decimal, so that 5.00 stays 5.00."""
    try:
        return Row(origin, _decode(line.decode()))
    except UnicodeDecodeError as error:
        what = f"is not UTF-8: byte {error.start} is {line[error.start]:#04x}"
    except RecursionError:
        what = "is not JSON: nested too deeply"
    except json.JSONDecodeError as error:
        what = f"is not JSON: {error.msg} at character {error.pos}"
    except ValueError as error:  # a key given twice, an integer too long for Python
        what = f"is not JSON: {error}"
    return Row(origin, _text(line), what)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:60]!r} is given twice")
    return found


_decode = json.JSONDecoder(parse_float=Decimal, object_pairs_hook=_object).decode


def _of_array(file: BinaryIO, path: Path) -> Iterator[Row]:
    """Elements of an array. Damage ends it: the rest is one row with a problem."""
    elements, index = ijson.items(file, "item"), 0
    while True:
        try:
            value = next(elements)
        except StopIteration:
            return
        except (ijson.JSONError, UnicodeDecodeError, RecursionError) as error:
            what = f"the array cannot be read from here on: {error}"
            yield Row(f"{path}[{index}]", None, " ".join(what.split())[:300])
            return
        yield Row(f"{path}[{index}]", value)
        index += 1


def _of_table(path: Path) -> Iterator[Row]:
    if not path.is_file():
        raise UnusableInput(Problem("no such file", file=str(path), cure="check the path"))
    if _TABLES[path.suffix.lower()] == "parquet":
        return _loaded(str(path), "parquet", data_files=str(path))
    return _of_csv(path, "\t" if path.suffix.lower() == ".tsv" else ",")


def _of_csv(path: Path, separator: str) -> Iterator[Row]:
    """Every cell as it is written: 007 is no 7, and 1.50 no 1.5."""
    from datasets import Features, Value

    with path.open(encoding="utf-8-sig", newline="") as file:
        names = next(csv.reader(file, delimiter=separator), [])
    texts = Features({name: Value("string") for name in names})
    files = {"data_files": str(path), "sep": separator, "features": texts}
    yield from _loaded(str(path), "csv", **files, keep_default_na=False)


def rows_of_hub(name: str) -> Iterator[Row]:
    """The split `train`, as it streams in; its columns have types, so 5.00 may be 5.0 there."""
    return _loaded(name, name)


def _loaded(origin: str, *what: str, **how: Any) -> Iterator[Row]:
    try:
        import datasets
    except ImportError as error:
        raise UnusableInput(
            Problem("tables and data sets of the hub need datasets", cure="pip install datasets")
        ) from error
    try:
        found = datasets.load_dataset(*what, split="train", streaming=True, **how)
        for index, row in enumerate(found):
            yield Row(f"{origin}[{index}]", {key: row[key] for key in row if row[key] is not None})
    except Exception as error:  # datasets raises what its readers and the network raise
        raise UnusableInput(
            Problem(
                "cannot be loaded",
                file=origin,
                found=" ".join(str(error).split())[:300],
                cure="check the name and the network, or the file",
            )
        ) from error


def _text(line: bytes) -> str:
    return line[:_SHOWN].decode("utf-8", "replace")

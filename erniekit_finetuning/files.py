"""Files that appear whole: written aside, flushed, then renamed into place."""

from __future__ import annotations

import filecmp
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from erniekit_finetuning.errors import Problem, UnusableInput


@contextmanager
def written_whole(path: Path, keep_same: bool = False) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it onto `path` when the block ends well.

    The temporary path does not exist yet: make a file or a folder there. On an exception it is
    removed and `path` keeps what it had. An existing folder at `path` is replaced. With `keep_same`
    a file that says the same already is left alone, its time included.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    _remove(aside)
    try:
        yield aside
        if keep_same and path.is_file() and filecmp.cmp(aside, path, shallow=False):
            return
        if aside.is_dir() and path.exists():
            _remove(path)
        aside.replace(path)
    finally:
        _remove(aside)


def refuse_existing(path: Path) -> None:
    """Raise UnusableInput when there is something at `path`."""
    if path.exists():
        raise UnusableInput(Problem("exists already", file=str(path), cure="name a new folder"))


def write_text(path: Path, text: str, keep_same: bool = False) -> None:
    """Write `text` as UTF-8, whole or not at all; `keep_same` as in `written_whole`."""
    with written_whole(path, keep_same) as aside:
        aside.write_text(text, encoding="utf-8")


def write_bytes(path: Path, data: bytes, keep_same: bool = False) -> None:
    """Write `data`, whole or not at all; `keep_same` as in `written_whole`."""
    with written_whole(path, keep_same) as aside:
        aside.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def write_jsonl(path: Path, rows: Iterable[Any]) -> None:
    """Write one JSON object a line, whole or not at all."""
    with written_whole(path) as aside, aside.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def on_disk(file: BinaryIO | None, folder: Path) -> None:
    """Wait until a file's bytes, and the names in its folder, outlive a power cut."""
    if file is not None:
        file.flush()
        os.fsync(file.fileno())
    names = os.open(folder, os.O_RDONLY)
    os.fsync(names)
    os.close(names)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)

"""A form of many files, written to disk as it comes in."""

from __future__ import annotations

from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.core.jobs.store import Sent
from app.core.refusals import TooLarge
from erniekit_finetuning.documents.limits import MAX_BYTES
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.files import on_disk

FILES, MODEL = "files", "model"
_MOST_TEXT = 1000  # bytes of a field that is no file
_CURE = "a form of multipart/form-data with files, and model where another than the first is wanted"


class FormOnDisk:
    """Takes the bytes of a form; each file is written to `folder` under its number, from 1."""

    def __init__(self, content_type: str, folder: Path, most_files: int) -> None:
        """Raises UnusableInput for what is no form."""
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise _no_form("it is no form", content_type[:200])
        self._folder, self._most_files = folder, most_files
        self._names: list[str] = []
        self._model: bytearray | None = None
        self._digest = sha256()
        self._header, self._value, self._disposition = b"", b"", b""
        self._file: BinaryIO | None = None
        self._size = 0
        self._whole = False
        self._open = ExitStack()
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_header_field": self._on_header,
                    "on_header_value": self._on_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_part,
                    "on_part_data": self._on_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
            )
        except FormParserError as error:
            raise _no_form(str(error)) from error

    def write(self, data: bytes) -> None:
        """Take some more; raises UnusableInput, TooLarge."""
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise _no_form(str(error)) from error

    def end(self) -> Sent:
        """What was sent, once all of it is written; raises UnusableInput where it is not whole."""
        if not self._whole:
            raise _no_form("it has no end")
        if not self._names:
            raise UnusableInput(Problem("no file was sent", field=FILES, cure="send one or more"))
        try:
            model = bytes(self._model or b"").decode() or None
        except UnicodeDecodeError as error:
            raise _no_form("it is not UTF-8") from error
        self._digest.update(repr((self._names, model)).encode("utf-8", "backslashreplace"))
        on_disk(None, self._folder)
        return Sent(tuple(self._names), model, self._digest.hexdigest())

    def close(self) -> None:
        """Close the file that is open where the form was cut off."""
        self._open.close()

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _on_part(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._disposition = b""
        field = options.get(b"name", b"").decode(errors="replace")
        name = options.get(b"filename")
        self._size = 0
        if field == FILES and name is not None:
            if len(self._names) == self._most_files:
                found, expected = f"more than {self._most_files}", f"at most {self._most_files}"
                what, cure = "too many files for one job", "make several jobs"
                raise UnusableInput(Problem(what, None, None, FILES, found, expected, cure))
            self._names.append(name.decode(errors="replace"))
            path = self._folder / str(len(self._names))
            self._file = self._open.enter_context(path.open("wb"))
        elif field == MODEL and name is None and self._model is None:
            self._model = bytearray()
        else:
            raise _no_form("a field is not known, or not of its kind, or there twice", field[:200])

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self._size += end - start
        if self._file is not None:
            if self._size > MAX_BYTES:
                what = f"a file of at most {MAX_BYTES} bytes is expected"
                raise TooLarge(Problem(what, field=f"{FILES}.{len(self._names) - 1}"))
            self._digest.update(data[start:end])
            self._file.write(data[start:end])
        elif self._model is not None:
            if self._size > _MOST_TEXT:
                expected = f"at most {_MOST_TEXT} bytes"
                raise UnusableInput(Problem("too long", field=MODEL, expected=expected))
            self._model += data[start:end]

    def _on_part_end(self) -> None:
        if self._file is not None:
            self._digest.update(b"\n%d\n" % self._size)
            on_disk(self._file, self._folder)
            self._open.close()
            self._file = None

    def _on_end(self) -> None:
        self._whole = True


def _no_form(what: str, found: str | None = None) -> UnusableInput:
    return UnusableInput(Problem(f"the form cannot be read: {what}", found=found, cure=_CURE))

"""Everything wrong with a file of training data, row by row, whatever its format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from erniekit_finetuning.data.formats import FORMATS
from erniekit_finetuning.data.formats.detecting import format_of
from erniekit_finetuning.data.formats.format import Format
from erniekit_finetuning.data.pair import Pair, faults
from erniekit_finetuning.data.record import inside
from erniekit_finetuning.data.rows import Row, placed, read_rows
from erniekit_finetuning.data.shards import identity, writable
from erniekit_finetuning.documents.opening import page_images
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.invoice.answer import read_answer
from erniekit_finetuning.invoice.strict_json import parse


@dataclass
class Validator:
    """Checks the rows of one file; remembers the ids and the format that it has met.

    `images` is the folder that images must lie in, `format` the one that is expected (None: that
    of the first row). Without `check_images` no image is opened.
    """

    images: Path
    format: Format | None = None
    check_images: bool = True
    _ids: set[int] = field(default_factory=set)

    def check(self, row: Row) -> tuple[Pair | None, list[Problem]]:
        """The pair of a row, where it is one, and everything wrong with it."""
        pair, problems = self._read(row)
        if pair is not None:
            problems += [*faults(pair), *self._of_pair(pair)]
        return pair, [placed(problem, row) for problem in problems]

    def _read(self, row: Row) -> tuple[Pair | None, list[Problem]]:
        if row.problem is not None:
            cure = "write the row again, or leave it out"
            return None, [Problem(row.problem, expected="a JSON object a line", cure=cure)]
        try:
            found = format_of(row.value)
            if self.format is None:
                self.format = found
            if found is not self.format:
                return None, [
                    Problem(
                        "the row has another format than the file",
                        found=found.name,
                        expected=self.format.name,
                        cure="prepare_data.py --data FILE makes one format of mixed rows",
                    )
                ]
            return found.read(row.value), []
        except UnusableInput as error:
            return None, list(error.problems)

    def _of_pair(self, pair: Pair) -> Iterator[Problem]:
        if pair.id is not None:
            name = identity(pair.id)
            if name in self._ids:
                yield Problem("the id stands twice", field="id", found=pair.id[:80])
            self._ids.add(name)
        for index, turn in enumerate(pair.conversations):
            where = f"conversations[{index}].content"
            if not writable(turn.content):
                yield Problem("holds half of a character (a lone surrogate)", field=where)
            if turn.role == "assistant":
                yield from _of_answer(turn.content, where)
        for index, image in enumerate(pair.all_images):
            yield from self._of_image(image, f"images[{index}]")

    def _of_image(self, name: str, where: str) -> Iterator[Problem]:
        try:
            # Our own pairs name images by their whole path.
            absolute = Path(name).is_absolute() and Path(name).is_relative_to(self.images.resolve())
            inner = str(Path(name).relative_to(self.images.resolve())) if absolute else name
            path = inside(self.images, inner, where)
            if self.check_images and path.suffix.lower() != ".pdf":
                page_images(path)
        except UnusableInput as error:
            yield from error.problems


def _of_answer(text: str, where: str) -> Iterator[Problem]:
    """An answer that begins like JSON must be JSON, one of our shape must be an answer."""
    if text.lstrip()[:1] not in ("{", "["):
        return
    try:
        value = parse(text)
    except UnusableInput as error:
        cure = "write valid JSON: the model would learn the mistake"
        yield Problem("begins like JSON but is none", field=where, found=str(error), cure=cure)
        return
    if isinstance(value, dict) and "structured_data" in value:
        problem = read_answer(text).problem
        if problem is not None:
            yield Problem(f"is no answer of our shape: {problem}", field=where)


def checked_rows(
    file: str, validator: Validator
) -> Iterator[tuple[Row, Pair | None, list[Problem]]]:
    """Each row of a file with its pair and its problems; at least one row must be there."""
    found = False
    for row in read_rows(file):
        found = True
        pair, problems = validator.check(row)
        yield row, pair, problems
    if not found:
        raise UnusableInput(Problem("has no row", file=file, cure="check the file"))


def format_named(name: str) -> Format:
    """The format of that name; raises UnusableInput."""
    if name not in FORMATS:
        raise UnusableInput(
            Problem("no such format", field="--format", found=name, expected=" | ".join(FORMATS))
        )
    return FORMATS[name]

"""Files of pairs, in any of the formats: a row at a time, whatever their size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from erniekit_finetuning.data.formats.detecting import format_of
from erniekit_finetuning.data.pair import Pair, faults
from erniekit_finetuning.data.rows import Row, read_rows
from erniekit_finetuning.errors import Problem, UnusableInput


def read_pairs(path: Path) -> Iterator[Pair]:
    """Pairs of a file; raises UnusableInput with everything wrong with the first bad row."""
    found = False
    for row in read_rows(str(path)):
        found = True
        yield pair_of_row(row)
    if not found:
        raise UnusableInput(Problem("has no pair", file=str(path)))


def pair_of_row(row: Row) -> Pair:
    """The pair of a row; raises UnusableInput with everything wrong with it."""
    if row.problem is not None:
        raise UnusableInput(Problem(row.problem, file=row.origin))
    try:
        pair = format_of(row.value).read(row.value)
    except UnusableInput as error:
        raise UnusableInput([replace(one, file=row.origin) for one in error.problems]) from error
    if problems := [replace(one, file=row.origin) for one in faults(pair)]:
        raise UnusableInput(problems)
    return pair

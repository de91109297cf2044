"""Rows of other tools to one form: ShareGPT, alpaca, messages, instruction and output."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from erniekit_finetuning.data.formats.detecting import format_of
from erniekit_finetuning.data.pair import Pair, Turn, faults
from erniekit_finetuning.data.rows import Row, placed
from erniekit_finetuning.data.sources.chat import without_stray_tags
from erniekit_finetuning.errors import Problem, UnusableInput

SHOWN_PROBLEMS = 20
LeftOut = Counter[str]


def standardize(row: Row, left_out: LeftOut | None = None) -> Pair:
    """One conversation out of a row; our own pairs are read strictly, as they are.

    Of others, columns that the format does not know (a score, a source) and a system turn that says
    nothing are left out and counted in `left_out`. Raises UnusableInput with everything wrong with
    the row: file, line, field, found, expected.

    >>> row = Row("a.jsonl:1", {"instruction": "Add 1 and 2.", "output": "3", "score": 5})
    >>> [turn.content for turn in standardize(row).conversations]
    ['Add 1 and 2.', '3']
    """
    left = Counter[str]() if left_out is None else left_out
    try:
        pair = _read(row, left)
    except UnusableInput as error:
        raise UnusableInput([placed(one, row) for one in error.problems]) from error
    if problems := [placed(one, row) for one in faults(pair)]:
        raise UnusableInput(problems)
    return pair


def standardized(rows: Iterator[Row], place: str, left_out: LeftOut) -> Iterator[tuple[Row, Pair]]:
    """Every row with its conversation; `place` names them all in an error.

    Raises UnusableInput at the end, naming every row that cannot be one, and when there is no row.
    """
    problems: list[Problem] = []
    bad = good = 0
    for row in rows:
        try:
            pair = standardize(row, left_out)
        except UnusableInput as error:
            bad += 1
            problems += error.problems if bad <= SHOWN_PROBLEMS else ()
            continue
        good += 1
        yield row, pair
    if bad > SHOWN_PROBLEMS:
        what = f"{bad - SHOWN_PROBLEMS} more rows cannot be read"
        problems.append(Problem(what, file=place))
    if bad:
        cure = (
            f"`prepare_data.py --data {place} --output GOOD.jsonl` writes the others, and keeps "
            "these aside with their reasons"
        )
        problems.append(Problem(f"{bad} of {bad + good} rows are unusable", file=place, cure=cure))
    elif not good:
        problems.append(Problem("has no pair", file=place))
    if problems:
        raise UnusableInput(problems)


def _read(row: Row, left_out: LeftOut) -> Pair:
    if row.problem is not None:
        raise UnusableInput(Problem(row.problem))
    found = format_of(row.value)
    if found.name == "pairs":
        return found.read(row.value)
    left_out.update(f"column {key}" for key in row.value.keys() - found.keys)
    pair = found.read(found.known(row.value))
    turns = tuple(turn for turn in pair.conversations if not _says_nothing(turn))
    if len(turns) < len(pair.conversations):
        left_out["empty system turn"] += 1
    clean = tuple(without_stray_tags(turn, bool(pair.all_images)) for turn in turns)
    return pair.model_copy(update={"conversations": clean})


def _says_nothing(turn: Turn) -> bool:
    return turn.role == "system" and not turn.content.strip()

"""Files of prompts: text with one a line, or conversations in any format of training data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from erniekit_finetuning.data.formats.detecting import format_of
from erniekit_finetuning.data.rows import Row, read_rows
from erniekit_finetuning.engines.protocol import Message
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.examples import example_of


@dataclass(frozen=True)
class Prompt:
    """A conversation up to a question, and the answer that the file expects, if it tells one."""

    messages: tuple[Message, ...]
    expected: str | None = None


def read_prompts(file: Path) -> list[Prompt]:
    """The prompts of a file: a line each of a .txt, else rows of conversations.

    A last answer in a row is what is expected. Raises UnusableInput naming every row that cannot be
    asked, and for a file without prompts.
    """
    if file.suffix == ".txt":
        found = [Prompt((Message("user", line),)) for line in prompt_lines(file)]
    else:
        found = list(_of_rows(file))
    if not found:
        expected = "a prompt a line (.txt), or JSONL with messages"
        raise UnusableInput(Problem("has no prompt", file=str(file), expected=expected))
    return found


def prompt_lines(file: Path) -> list[str]:
    """The lines of a text that are not blank; raises UnusableInput where it cannot be read."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableInput(Problem(f"cannot be read: {error}", file=str(file))) from error
    return [line for line in lines if line.strip()]


def _of_rows(file: Path) -> Iterator[Prompt]:
    problems: list[Problem] = []
    for number, row in enumerate(read_rows(str(file)), start=1):
        try:
            yield _of_row(row, number)
        except UnusableInput as error:
            problems += [replace(one, file=row.origin) for one in error.problems]
    if problems:
        raise UnusableInput(problems)


def _of_row(row: Row, number: int) -> Prompt:
    if row.problem is not None:
        raise UnusableInput(Problem(row.problem))
    pair = format_of(row.value).read(row.value)
    roles = [turn.role for turn in pair.conversations]
    if roles[-1:] == ["assistant"]:
        roles.pop()
    if roles[-1:] != ["human"]:
        found = ", ".join(roles) or "no turn"
        raise UnusableInput(Problem("asks nothing at its end", found=found, expected="a question"))
    messages = example_of(pair, number).messages
    answered = len(messages) > len(roles)
    expected = messages[-1].content if answered else None
    return Prompt(messages[: len(roles)], expected)

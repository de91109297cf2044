"""The one error a user sees: what is wrong, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one input, with its cure.

    >>> print(Problem("unknown key lr", file="r.yaml", cure="did you mean learning_rate?"))
    r.yaml: unknown key lr; did you mean learning_rate?
    """

    what: str
    file: str | None = None
    line: int | None = None
    field: str | None = None
    found: str | None = None
    expected: str | None = None
    cure: str | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        text = f"{place}: " if place else ""
        text += f"{self.field}: {self.what}" if self.field else self.what
        if self.found is not None:
            text += f"; found {self.found}"
        if self.expected is not None:
            text += f"; expected {self.expected}"
        if self.cure is not None:
            text += f"; {self.cure}"
        return text


class UnusableInput(Exception):
    """Input or usage this package cannot work with; carries every problem found, not the first.

    Commands print the problems on stderr and end with exit code 2.
    """

    def __init__(self, problems: Problem | Sequence[Problem]) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def to_json(self) -> list[dict[str, Any]]:
        """The problems as plain JSON, for another process."""
        return [asdict(problem) for problem in self.problems]

    @classmethod
    def from_json(cls, rows: Sequence[Mapping[str, Any]]) -> UnusableInput:
        """Inverse of `to_json`."""
        return cls([Problem(**row) for row in rows])

    def __reduce__(self) -> tuple[type[UnusableInput], tuple[tuple[Problem, ...]]]:
        """The problems travel from a worker process, not their text."""
        return type(self), (self.problems,)


def brief(value: Any) -> str:
    """A value for an error message: never longer than 60 characters."""
    text = repr(value if not isinstance(value, str | bytes) else value[:60])
    return text if len(text) <= 60 else text[:57] + "..."


def joined(steps: Iterable[str | int]) -> str:
    """The path of a field; "" for the whole.

    >>> joined(["lines", 0, "quantity"])
    'lines[0].quantity'
    """
    parts = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return "".join(parts).removeprefix(".")

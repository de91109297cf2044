"""How a command ends: results on stdout, messages on stderr, exit 0, 1 findings, 2 unusable."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from erniekit_finetuning.errors import UnusableInput

messages = Console(stderr=True, soft_wrap=True, highlight=False)
_COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeElapsedColumn(),
)


def run(command: Callable[..., Any] | typer.Typer) -> None:
    """Run one command function or a table of them; an unusable input ends with 2, no traceback."""
    app = command if isinstance(command, typer.Typer) else _single(command)
    try:
        app()
    except UnusableInput as error:
        for problem in error.problems:
            print(f"error: {problem}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)


def _single(command: Callable[..., Any]) -> typer.Typer:
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(command)
    return app


@contextmanager
def bar(name: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on stderr that is gone when the work is done; give what moves it on."""
    with Progress(*_COLUMNS, console=messages, transient=True) as shown:
        task = shown.add_task(name, total=total)
        yield lambda steps: shown.advance(task, steps)

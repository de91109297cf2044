"""`ernie-invoice validate-data`: what is wrong with training data, before a GPU finds out."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from erniekit_finetuning.console import messages
from erniekit_finetuning.data.near_duplicates import Twin, Twins
from erniekit_finetuning.data.pair import Pair
from erniekit_finetuning.data.rows import Row, placed
from erniekit_finetuning.data.statistics import Statistics
from erniekit_finetuning.data.validating import (
    Validator,
    checked_rows,
    format_named,
)
from erniekit_finetuning.errors import Problem
from erniekit_finetuning.shipped import shipped

_SHOWN_TWINS = 10


def validate_data(
    file: Annotated[str, typer.Argument(help="Pairs, messages, erniekit, sharegpt, alpaca ..")],
    recipe: Annotated[
        Path | None, typer.Option(help="Also count tokens, as the training of this recipe will.")
    ] = None,
    show_mask: Annotated[
        int, typer.Option(min=0, help="Print so many samples, trained tokens coloured.")
    ] = 0,
    against: Annotated[
        str | None, typer.Option(help="A test file: documents in both are problems.")
    ] = None,
    images_dir: Annotated[
        Path | None, typer.Option(help="Folder of the images; default: the file's own.")
    ] = None,
    format: Annotated[
        str | None, typer.Option(help="The format the file must have; default: the first row's.")
    ] = None,
    no_image_check: Annotated[
        bool, typer.Option("--no-image-check", help="Look that images exist, open none.")
    ] = False,
    no_twins: Annotated[
        bool, typer.Option("--no-twins", help="Do not look for near-duplicates.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line a problem.")] = False,
) -> None:
    """Check a file of training data: every problem of every row, statistics, near-duplicates.

    Problems go to stdout, the rest to stderr. Exit 0 without a problem, 1 with one, 2 when the file
    cannot be read at all. Near-duplicates within the file are reported, not counted as problems.
    """
    from erniekit_finetuning.sample_tokens import SampleTokens

    if show_mask and recipe is None:
        raise typer.BadParameter("--show-mask needs --recipe: the mask depends on the model")
    tokens = None if recipe is None else SampleTokens(shipped(recipe))
    folder = images_dir or Path(file).parent
    validator = Validator(
        folder, None if format is None else format_named(format), not no_image_check
    )
    leaks = _remembered(against, folder) if against else None
    statistics, twins, found, bad = Statistics(), Twins(), list[Twin](), 0
    rows = checked_rows(file, validator)
    screen = Console()
    for row, pair, problems in track(rows, "rows", console=messages, transient=True):
        encoded = None
        if pair is not None and not problems:
            if tokens is not None:
                encoded, more = tokens.encode(pair)
                problems = [placed(problem, row) for problem in more]
            if leaks is not None:
                problems += _leaks(leaks, row, pair, str(against))
            if not no_twins:
                found += twins.of(row.origin, pair)
            statistics.add(pair, None if encoded is None else len(encoded.tokens))
            if tokens is not None and encoded is not None and statistics.rows <= show_mask:
                screen.print(tokens.coloured(encoded), soft_wrap=True)
        bad += bool(problems)
        for problem in problems:
            print(json.dumps(asdict(problem)) if as_json else problem)
    _report(statistics, found, bad)
    if bad:
        raise typer.Exit(1)


def _remembered(file: str, folder: Path) -> Twins:
    """What the test file says."""
    twins = Twins()
    for row, pair, _ in checked_rows(file, Validator(folder, check_images=False)):
        if pair is not None:
            list(twins.of(row.origin, pair))
    return twins


def _leaks(twins: Twins, row: Row, pair: Pair, test: str) -> list[Problem]:
    return [
        placed(
            Problem(
                "the document is in the test data, too",
                found=f"{twin.first}, {twin.alike:.0%} alike",
                expected=f"no document of {test}",
                cure="leave one of them out, or split again with --group-by",
            ),
            row,
        )
        for twin in twins.of(row.origin, pair, remember=False)
    ]


def _report(statistics: Statistics, twins: list[Twin], bad: int) -> None:
    table = Table(box=None, show_header=False)
    for name, value in statistics.table():
        table.add_row(name, value)
    table.add_row("near-duplicates", f"{len(twins):,} pairs of rows")
    table.add_row("rows with problems", f"{bad:,}")
    messages.print(table)
    for twin in twins[:_SHOWN_TWINS]:
        messages.print(f"  {twin.first} and {twin.second}: {twin.alike:.0%} alike")
    if len(twins) > _SHOWN_TWINS:
        messages.print(f"  and {len(twins) - _SHOWN_TWINS:,} more")

"""The report's sections and tables of scores, as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from erniekit_finetuning.evaluation.comparison import Outcome
from erniekit_finetuning.evaluation.table import Cell, Row, signed

_KINDS = {Outcome.BETTER: "up", Outcome.WORSE: "down"}


def grid(parts: Iterable[str]) -> str:
    """Parts side by side; "" where there are none."""
    body = "".join(parts)
    return f'<div class="plots">{body}</div>' if body else ""


def section(title: str, body: str) -> str:
    """A part of the page under its title; "" without a body."""
    return f"<section><h2>{escape(title)}</h2>{body}</section>" if body else ""


def table(rows: Sequence[Row], names: Sequence[str], bars: bool = False) -> str:
    """Scores by model with their differences and intervals; with `bars`, shares drawn beside."""
    head = "".join(
        f'<th class="n">{escape(name)}</th>' + ('<th class="n">difference</th>' if number else "")
        for number, name in enumerate(names)
    )
    body = []
    for row in rows:
        cells = [f"<td>{escape(row.name)}</td>"]
        for number, cell in enumerate(row.cells):
            bar = _bar(cell, number == 0 and len(names) > 1) if bars else ""
            cells.append(f'<td class="n">{bar}<span class="value">{cell.text}</span></td>')
            if number:
                cells.append(f'<td class="n">{_difference(cell)}</td>')
        body.append(f"<tr>{''.join(cells)}</tr>")
    return f'<div class="wide"><table><tr><th></th>{head}</tr>{"".join(body)}</table></div>'


def _difference(cell: Cell) -> str:
    if not cell.difference:
        return ""
    interval = None if cell.versus is None else cell.versus.interval
    edges = ""
    if interval is not None:
        edges = " to ".join(signed(edge, cell.form) for edge in interval)
    return (
        f'<span class="{_KINDS.get(cell.outcome, "")}">{cell.difference}</span> '
        f'<span class="soft small">{edges}</span>'
    )


def _bar(cell: Cell, first: bool) -> str:
    width = 0 if cell.value is None else 100 * cell.value
    return f'<span class="bar{" first" if first else ""}"><i style="width:{width:.1f}%"></i></span>'

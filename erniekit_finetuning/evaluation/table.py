"""Scores as rows, one column a model, for terminal, Markdown, CSV and HTML."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from erniekit_finetuning.evaluation.comparison import Difference, Outcome
from erniekit_finetuning.evaluation.formulas import Form
from erniekit_finetuning.evaluation.measures import MEASURES
from erniekit_finetuning.evaluation.result import Evaluation, Results
from erniekit_finetuning.evaluation.versus import Versus, versus

NONE = "–"


@dataclass(frozen=True)
class Cell:
    """One score of one model. `versus`: against the first model, None for that model itself."""

    value: float | None
    form: Form = Form.SHARE
    versus: Difference | None = None

    @property
    def text(self) -> str:
        """The score as people read it."""
        return written(self.value, self.form)

    @property
    def difference(self) -> str:
        """Against the first model, in points for shares; "" where there is none."""
        found = None if self.versus is None else self.versus.difference
        return "" if found is None else signed(found, self.form)

    @property
    def outcome(self) -> Outcome:
        """What is shown of the difference."""
        return Outcome.NO_DIFFERENCE if self.versus is None else self.versus.outcome


@dataclass(frozen=True)
class Row:
    """One score of every model."""

    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Compared:
    """Evaluations of one test set, the first being the one that the others are held against."""

    evaluations: tuple[Evaluation, ...]
    results: tuple[Results, ...]
    names: tuple[str, ...]
    versus: tuple[Versus, ...]  # of each but the first

    @property
    def score_rows(self) -> list[Row]:
        """All scores that any model has."""
        rows = []
        for measure in MEASURES:
            values = [results.scores.get(measure.key) for results in self.results]
            if any(value is not None for value in values):
                against = [None, *(one.scores.get(measure.key) for one in self.versus)]
                rows.append(Row(measure.title, _cells(values, measure.form, against)))
        return rows

    @property
    def trouble_rows(self) -> list[Row]:
        """Answers that could not be scored."""
        names = {
            "not_asked": "Do not fit the model",
            "cut_off": "Cut off by the token limit",
            "not_json": "Not JSON",
            "repairable": "of these a repair would mend",
            "wrong_shape": "JSON of another shape",
        }
        found = [results.troubles.model_dump() for results in self.results]
        return [
            Row(title, tuple(Cell(one[name], Form.NUMBER) for one in found))
            for name, title in names.items()
            if any(one[name] for one in found)
        ]

    @property
    def field_rows(self) -> list[Row]:
        """Accuracy by field."""
        against = [{one.measure.key: one for one in versus.fields} for versus in self.versus]
        fields = dict.fromkeys(name for results in self.results for name in results.fields)
        rows = []
        for name in fields:
            found = [results.fields.get(name) for results in self.results]
            values = [None if one is None else one.accuracy for one in found]
            rows.append(
                Row(name, _cells(values, Form.SHARE, [None, *(a.get(name) for a in against)]))
            )
        return rows

    @property
    def slice_rows(self) -> list[Row]:
        """Field accuracy by sort of document: "layout: ledger (40)"."""
        rows = []
        for tag, by_value in self.results[0].slices.items():
            for value, first in by_value.items():
                found = [results.slices[tag][value].scores for results in self.results]
                values = [scores["field_accuracy"] for scores in found]
                against = [None, *(one.slices.get((tag, value)) for one in self.versus)]
                name = f"{tag}: {value} ({first.documents:,})"
                rows.append(Row(name, _cells(values, Form.SHARE, against)))
        return rows


def compared(evaluations: Sequence[Evaluation], names: Sequence[str] | None = None) -> Compared:
    """Hold evaluations against the first; raises UnusableInput when documents differ."""
    first, *others = evaluations
    return Compared(
        tuple(evaluations),
        tuple(one.results for one in evaluations),
        tuple(names or labels(evaluations)),
        tuple(versus(first, other) for other in others),
    )


def labels(evaluations: Sequence[Evaluation]) -> list[str]:
    """Short names that tell the models apart: the last part of a name, with more where needed."""
    found = [Path(one.evaluated.model).name or one.evaluated.model for one in evaluations]
    if len(set(found)) < len(found):
        found = [
            f"{name} ({one.evaluated.engine})" for name, one in zip(found, evaluations, strict=True)
        ]
    if len(set(found)) < len(found):
        found = [f"{number}: {name}" for number, name in enumerate(found, start=1)]
    return found


def written(value: float | None, form: Form) -> str:
    """A score as people read it."""
    if value is None:
        return NONE
    if form is Form.SHARE:
        return f"{100 * value:.1f} %"
    return f"{value:,.0f}" if form is Form.NUMBER else f"{value:,.2f}"


def signed(value: float, form: Form) -> str:
    """A difference with its sign, in points for shares."""
    digits = {Form.SHARE: 1, Form.NUMBER: 0}.get(form, 2)
    number = round(100 * value if form is Form.SHARE else value, digits)
    return f"{number:+.{digits}f}" if number else "0"


def rich_table(models: Compared) -> Table:
    """Scores for a terminal; plain text when it is not one."""
    count = models.results[0].documents
    title = f"{count:,} document{'s' if count != 1 else ''}"
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    table.add_column("")
    for number, name in enumerate(models.names):
        table.add_column(Text(name), justify="right")
        if number:
            table.add_column(Text("difference"), justify="right")
    for row in (*models.score_rows, *models.trouble_rows):
        cells = [Text(row.name)]
        for number, cell in enumerate(row.cells):
            cells.append(Text(cell.text))
            if number:
                cells.append(Text(cell.difference, style=_STYLES.get(cell.outcome, "")))
        table.add_row(*cells)
    return table


_STYLES = {Outcome.BETTER: "green", Outcome.WORSE: "red"}


def markdown_table(rows: Sequence[Row], names: Sequence[str]) -> str:
    """Rows as a Markdown table; a difference that is shown stands in bold."""
    head = ["", *map(_cell, names)]
    lines = [head, ["---", *["---:"] * len(names)]]
    for row in rows:
        lines.append([_cell(row.name), *(_with_difference(cell) for cell in row.cells)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def csv_table(models: Compared) -> str:
    """All rows as CSV: part, name, model, value, difference, interval, outcome.

    Shares are numbers from 0 to 1.
    """
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    table.writerow(
        ("part", "name", "model", "value", "difference", "low", "high", "p_value", "outcome")
    )
    parts = {
        "score": models.score_rows,
        "trouble": models.trouble_rows,
        "field": models.field_rows,
        "slice": models.slice_rows,
    }
    for part, rows in parts.items():
        for row in rows:
            for name, cell in zip(models.names, row.cells, strict=True):
                table.writerow((part, row.name, name, *_numbers(cell)))
    return file.getvalue()


def _numbers(cell: Cell) -> tuple[object, ...]:
    against = cell.versus
    if against is None:
        return (cell.value, None, None, None, None, None)
    low, high = against.interval or (None, None)
    return (cell.value, against.difference, low, high, against.p_value, against.outcome.value)


def _cells(
    values: Sequence[float | None], form: Form, against: Sequence[Difference | None]
) -> tuple[Cell, ...]:
    return tuple(Cell(v, form, a) for v, a in zip(values, against, strict=True))


def _with_difference(cell: Cell) -> str:
    if not cell.difference:
        return cell.text
    shown = cell.outcome is not Outcome.NO_DIFFERENCE
    return f"{cell.text} ({f'**{cell.difference}**' if shown else cell.difference})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")

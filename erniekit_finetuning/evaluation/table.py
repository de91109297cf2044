"""Scores as rows: one model, or base | tuned | difference, for terminal, Markdown and HTML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from erniekit_finetuning.evaluation.comparison import Comparison, Outcome
from erniekit_finetuning.evaluation.matching import FIELDS, LINE_FIELDS
from erniekit_finetuning.evaluation.result import Evaluation
from erniekit_finetuning.evaluation.scores import FieldCounts, Scores


@dataclass(frozen=True)
class Row:
    """One score of every model. `gain`: last minus first, positive is better; None: not shown."""

    name: str
    values: tuple[str, ...]
    difference: str = ""
    gain: float | None = None


_RATES: tuple[tuple[str, Callable[[Scores], float | None]], ...] = (
    ("Field accuracy", lambda s: s.fields.accuracy),
    ("Whole documents right", lambda s: s.whole_document_rate),
    ("Line items, F1", lambda s: s.lines.f1),
    ("Line items, precision", lambda s: s.lines.precision),
    ("Line items, recall", lambda s: s.lines.recall),
    ("Valid JSON answers", lambda s: s.validity_rate),
    ("Arithmetic verified", lambda s: s.arithmetic_rate),
    ("Rules passed", lambda s: s.rule_compliance),
    (
        "Own is_valid agrees with rules",
        lambda s: s.own_verdict.agreement if s.own_verdict else None,
    ),
)
_COUNTS: tuple[tuple[str, Callable[[Scores], float | None], str], ...] = (
    ("Wrong fields", lambda s: s.fields.wrong, ",.0f"),
    ("Missing fields", lambda s: s.fields.missing, ",.0f"),
    ("Invented fields", lambda s: s.fields.invented, ",.0f"),
    ("Cut off by the token limit", lambda s: s.truncated, ",.0f"),
    ("Do not fit the model", lambda s: s.not_asked, ",.0f"),
    ("Tokens a document", lambda s: s.tokens_a_document, ",.0f"),
    ("Seconds a document", lambda s: s.seconds_a_document, ",.2f"),
)


def score_rows(scores: Sequence[Scores]) -> list[Row]:
    """Rates as percent with their difference in points, then counts."""
    rows = [
        rate_row(name, [rate(one) for one in scores])
        for name, rate in _RATES
        if any(rate(one) is not None for one in scores)
    ]
    for name, count, form in _COUNTS:
        values = [count(one) for one in scores]
        rows.append(Row(name, tuple("–" if v is None else format(v, form) for v in values)))
    return rows


def field_rows(scores: Sequence[Scores]) -> list[Row]:
    """Accuracy a field, in the model's order; fields that no document has are left out."""
    none = FieldCounts()
    rows = []
    for field in (*FIELDS, *LINE_FIELDS):
        rates = [one.by_field.get(field, none).accuracy for one in scores]
        if any(rate is not None for rate in rates):
            rows.append(rate_row(field, rates))
    return rows


def rate_row(name: str, rates: Sequence[float | None]) -> Row:
    """Shares as percent; with two or more, the difference last minus first in points."""
    values = tuple("–" if rate is None else f"{100 * rate:.1f} %" for rate in rates)
    first, last = rates[0], rates[-1]
    if len(rates) < 2 or first is None or last is None:
        return Row(name, values)
    gain = round(100 * (last - first), 1)
    return Row(name, values, f"{gain:+.1f}" if gain else "0.0", gain)


def headings(evaluations: Sequence[Evaluation]) -> tuple[str, ...]:
    """Column names: the models' own; of two, base and tuned."""
    if len(evaluations) == 2:
        return ("base", "tuned")
    return tuple(short_name(evaluation.model) for evaluation in evaluations)


def short_name(model: str) -> str:
    """The last part of a model's path or name."""
    return Path(model).name or model


def verdict(comparison: Comparison) -> str:
    """One sentence: what the comparison shows, on how many documents."""
    count = f"{comparison.documents:,} document{'s' if comparison.documents != 1 else ''}"
    if comparison.outcome is Outcome.NO_DIFFERENCE:
        text = f"No difference shown between the tuned model and the base on {count}"
    else:
        text = f"The tuned model is {comparison.outcome} than the base on {count}"
    points = f"field accuracy {comparison.difference:+.1f} points"
    if comparison.interval is None:
        return f"{text}: {points}; too few documents for an interval."
    low, high = comparison.interval
    return f"{text}: {points}, 95 % interval {low:+.1f} to {high:+.1f}."


def rich_table(evaluations: Sequence[Evaluation]) -> Table:
    """The score rows for a terminal; plain text when it is not one."""
    count = evaluations[0].scores.documents
    table = Table(box=box.SIMPLE_HEAD, title=f"{count:,} documents", title_justify="left")
    table.add_column("")
    for name in headings(evaluations):
        table.add_column(Text(name), justify="right")
    if len(evaluations) > 1:
        table.add_column("points", justify="right")
    for row in score_rows([evaluation.scores for evaluation in evaluations]):
        cells = [Text(value) for value in (row.name, *row.values)]
        if len(evaluations) > 1:
            style = "" if not row.gain else "green" if row.gain > 0 else "red"
            cells.append(Text(row.difference, style=style))
        table.add_row(*cells)
    return table


def markdown_table(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """Rows as a Markdown table."""
    compared = len(columns) > 1
    head = ["", *map(_cell, columns), *(["points"] if compared else [])]
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    for row in rows:
        lines.append([_cell(row.name), *row.values, *([row.difference] if compared else [])])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")

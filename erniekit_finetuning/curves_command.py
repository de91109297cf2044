"""`ernie-invoice curves`: pictures and a report of a training, from its run folder."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Annotated

import typer

from erniekit_finetuning.console import messages
from erniekit_finetuning.engines.curves import draw_curves
from erniekit_finetuning.engines.protocol import Metric
from erniekit_finetuning.engines.run_report import RunReport, read_report
from erniekit_finetuning.evaluation.report_page import markdown_cell, page, picture
from erniekit_finetuning.evaluation.report_tables import section
from erniekit_finetuning.files import write_text

HEADS = (
    "step", "epoch", "training loss", "validation loss", "perplexity", "learning rate",
    "gradient norm", "tokens a second", "peak memory, MB",
)  # fmt: skip


def curves(
    run: Annotated[Path, typer.Argument(help="A run folder, finished or not.")],
    output: Annotated[
        Path | None, typer.Option(help="Folder to write; left out: the run's own.")
    ] = None,
) -> None:
    """Draw a training's loss, learning rate, speed and memory, and say what it came to.

    Writes curves.png, training.html and training.md.
    """
    report = read_report(run)
    folder = output or run
    drawn = folder / "curves.png"
    draw_curves(report.metrics, drawn, f"{report.name}: {report.headline()}")
    write_text(folder / "training.html", html(report, drawn))
    write_text(folder / "training.md", markdown(report))
    messages.print(report.headline(), markup=False)
    print(folder / "training.html")


def html(report: RunReport, drawn: Path) -> str:
    """The report as one page, the picture inside."""
    facts = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(told)}</td></tr>" for name, told in report.facts()
    )
    head = "".join(f'<th class="n">{name}</th>' for name in HEADS)
    cells = ("".join(f'<td class="n">{one}</td>' for one in _cells(m)) for m in report.metrics)
    rows = "".join(f"<tr>{line}</tr>" for line in cells)
    parts = [
        f"<h1>Training of {escape(report.name)}</h1>",
        section("Curves", picture(drawn)),
        section("What it came to", f"<table>{facts}</table>"),
        section("Steps", f'<div class="wide"><table><tr>{head}</tr>{rows}</table></div>'),
    ]
    return page(f"Training of {report.name}", parts)


def markdown(report: RunReport) -> str:
    """The report as Markdown, with the picture beside it."""
    facts = [f"| {name} | {markdown_cell(told)} |" for name, told in report.facts()]
    steps = [f"| {' | '.join(_cells(metric))} |" for metric in report.metrics]
    return "\n".join(
        [
            *(f"# Training of {markdown_cell(report.name)}", "", "![Curves](curves.png)", ""),
            *("| | |", "|---|---|", *facts, ""),
            *(f"| {' | '.join(HEADS)} |", f"|{'---:|' * len(HEADS)}", *steps, ""),
        ]
    )


def _cells(metric: Metric) -> list[str]:
    """A line of the table of steps; empty where nothing was measured."""
    told = (
        (metric.step, ",.0f"), (metric.epoch, ".2f"), (metric.loss, ".4f"),
        (metric.eval_loss, ".4f"), (metric.perplexity, ".2f"), (metric.learning_rate, ".3g"),
        (metric.gradient_norm, ".3f"), (metric.tokens_per_second, ",.0f"),
        (metric.peak_memory_mb, ",.0f"),
    )  # fmt: skip
    return ["" if value is None else format(value, form) for value, form in told]

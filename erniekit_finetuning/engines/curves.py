"""The picture of a training: loss, validation loss and learning rate over steps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from erniekit_finetuning.engines.protocol import Metric
from erniekit_finetuning.files import written_whole


def draw_curves(metrics: Sequence[Metric], file: Path) -> None:
    """Write a PNG with one point a metric."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 7), layout="constrained")
    losses, rates, speeds = figure.subplots(3, 1, sharex=True, height_ratios=[3, 1, 1])
    _line(losses, metrics, "loss", "training loss")
    _line(losses, metrics, "eval_loss", "validation loss", marker="o")
    losses.set_ylabel("loss of a learnt token")
    losses.set_ylim(bottom=0)
    losses.legend()
    _line(rates, metrics, "learning_rate", "learning rate")
    rates.set_ylabel("learning rate")
    _line(speeds, metrics, "tokens_per_second", "tokens a second")
    speeds.set_ylabel("tokens a second")
    speeds.set_ylim(bottom=0)
    speeds.set_xlabel("optimizer step")
    with written_whole(file) as aside:
        figure.savefig(aside, format="png", dpi=120)


def _line(
    axes: object, metrics: Sequence[Metric], field: str, label: str, marker: str = ""
) -> None:
    points = [(m.step, getattr(m, field)) for m in metrics if getattr(m, field) is not None]
    if points:
        steps, values = zip(*points, strict=True)
        axes.plot(steps, values, label=label, marker=marker)  # type: ignore[attr-defined]

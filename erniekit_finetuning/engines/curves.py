"""The picture of a training over its steps: losses, and what else of it was measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from erniekit_finetuning.engines.protocol import Metric
from erniekit_finetuning.files import written_whole

_BELOW = {
    "learning_rate": "learning rate",
    "tokens_per_second": "tokens a\nsecond",
    "peak_memory_mb": "peak\nmemory, MB",
}


def draw_curves(metrics: Sequence[Metric], file: Path, title: str = "") -> None:
    """Write a PNG with one point a metric."""
    from matplotlib.figure import Figure

    below = [field for field in _BELOW if any(getattr(one, field) for one in metrics)]
    figure = Figure(figsize=(8, 5 + len(below)), layout="constrained")
    heights = [4, *(1 for _ in below)]
    losses, *others = figure.subplots(
        len(heights), 1, sharex=True, height_ratios=heights, squeeze=False
    )[:, 0]
    figure.suptitle(title, fontsize="medium", wrap=True)
    _line(losses, metrics, "loss", "training loss")
    _line(losses, metrics, "eval_loss", "validation loss", marker="o")
    losses.set_ylabel("loss of a learnt token")
    losses.legend()
    for axes, field in zip(others, below, strict=True):
        _line(axes, metrics, field, _BELOW[field])
        axes.set_ylabel(_BELOW[field])
    for axes in (losses, *others):
        axes.set_ylim(0, 1.1 * axes.get_ylim()[1])
    (losses, *others)[-1].set_xlabel("optimizer step")
    with written_whole(file) as aside:
        figure.savefig(aside, format="png", dpi=120)


def _line(axes: Any, metrics: Sequence[Metric], field: str, label: str, marker: str = "") -> None:
    points = [(m.step, getattr(m, field)) for m in metrics if getattr(m, field) is not None]
    if points:
        steps, values = zip(*points, strict=True)
        marker = marker or ("o" if len(points) == 1 else "")  # one point is no line
        axes.plot(steps, values, label=label, marker=marker)

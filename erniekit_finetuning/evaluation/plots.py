"""The report's plots, as SVG inside the page: no library, no script, in the page's own colours."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from erniekit_finetuning.confidence.calibration_error import BINS, Steps, binned
from erniekit_finetuning.evaluation.comparison import Difference

_ROW, _NAME, _WIDE = 24, 210, 760
_SIDE = 300  # of the reliability plot


def intervals(rows: Sequence[Difference], title: str) -> str:
    """Differences with their 95 % intervals, one row each, around a line at zero."""
    shown = [row for row in rows if row.interval is not None]
    if not shown:
        return ""
    ends = [100 * edge for row in shown for edge in row.interval or ()]
    low, high = min(0.0, *ends), max(0.0, *ends)
    low, high = low - 0.05 * (high - low) - 1e-6, high + 0.05 * (high - low) + 1e-6
    height = _ROW * (len(shown) + 1)

    def across(points: float) -> float:
        return round(_NAME + (points - low) / (high - low) * (_WIDE - _NAME - 70), 1)

    parts = [f'<line class="zero" x1="{across(0)}" x2="{across(0)}" y1="4" y2="{height - 20}"/>']
    for number, row in enumerate(shown):
        y = _ROW * number + 16
        left, right = (across(100 * edge) for edge in row.interval or (0, 0))
        points = 100 * (row.difference or 0)
        told = f"{points:+.1f}" if round(points, 1) else "0"
        kind = row.outcome.name.lower()
        parts.append(
            f'<text x="{_NAME - 10}" y="{y + 4}" text-anchor="end">{escape(row.measure.title)}'
            f'</text><line class="span {kind}" x1="{left}" x2="{right}" y1="{y}" y2="{y}"/>'
            f'<circle class="{kind}" cx="{across(points)}" cy="{y}" r="4"/>'
            f'<text class="soft" x="{_WIDE - 60}" y="{y + 4}">{told}</text>'
        )
    parts.append(
        f'<text class="soft" x="{across(0)}" y="{height - 4}" text-anchor="middle">0 points</text>'
    )
    return _svg(_WIDE, height, title, "".join(parts), "intervals")


def reliability(steps: Steps, name: str) -> str:
    """How often values are right, by the confidence in them; "" without any.

    The diagonal is confidence that is as high as the share of right values; a dot is a bin of the
    calibration error, its size tells how many values.
    """
    bins = binned(steps)
    said = bins.said.tolist()
    if not sum(said):
        return ""
    pad = 34
    inner = _SIDE - 2 * pad
    parts = [
        f'<rect class="frame" x="{pad}" y="{pad}" width="{inner}" height="{inner}"/>',
        f'<line class="zero" x1="{pad}" y1="{pad + inner}" x2="{pad + inner}" y2="{pad}"/>',
    ]
    for number in range(BINS):
        if not said[number]:
            continue
        sure = float(bins.confidence[number]) / said[number]
        right = float(bins.right[number]) / said[number]
        x, y = round(pad + inner * sure, 1), round(pad + inner * (1 - right), 1)
        size = round(3 + 9 * (said[number] / max(said)) ** 0.5, 1)
        parts.append(
            f'<circle class="dot" cx="{x}" cy="{y}" r="{size}"><title>{said[number]:,.0f} values: '
            f"said {100 * sure:.0f} %, right {100 * right:.0f} %</title></circle>"
        )
    middle = _SIDE / 2
    for text, x, y, turn in (
        ("confidence, percent", middle, _SIDE - 6, 0),
        ("share of right values, percent", 12, middle, -90),
        (name, middle, 20, 0),
    ):
        parts.append(
            f'<text class="soft" x="{x}" y="{y}" text-anchor="middle" '
            f'transform="rotate({turn} {x} {y})">{escape(text)}</text>'
        )
    for edge in (0, 50, 100):
        x, y = pad + inner * edge / 100, pad + inner * (1 - edge / 100)
        parts += [
            f'<text class="soft" x="{x}" y="{pad + inner + 14}" text-anchor="middle">{edge}</text>',
            f'<text class="soft" x="{pad - 4}" y="{y + 4}" text-anchor="end">{edge}</text>',
        ]
    return _svg(_SIDE, _SIDE, f"Reliability of {name}", "".join(parts), "reliability")


def _svg(width: int, height: int, title: str, body: str, kind: str) -> str:
    return (
        f'<svg class="{kind}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(title)}">{body}</svg>'
    )

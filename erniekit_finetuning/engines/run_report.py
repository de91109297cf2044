"""What a training came to, from its run folder: what it learnt, how long, in how much memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from erniekit_finetuning.engines.metrics_file import METRICS_FILE, MetricsFile
from erniekit_finetuning.engines.protocol import Metric
from erniekit_finetuning.engines.run_folder import RUN_FILE, read_run
from erniekit_finetuning.errors import Problem, UnusableInput

NOT_TOLD = "not told"


@dataclass(frozen=True)
class RunReport:
    """A run's metrics, and its run.json; `result` is empty of one that is not finished."""

    name: str
    metrics: tuple[Metric, ...]
    run: dict[str, Any]

    @property
    def result(self) -> dict[str, Any]:
        """What the training left behind."""
        found: dict[str, Any] = self.run.get("result", {})
        return found

    def facts(self) -> list[tuple[str, str]]:
        """What it was and what it cost, by name; what nobody measured is said to be not told."""
        recipe, result, last = self.run["recipe"], self.result, self.metrics[-1]
        peak = result.get("peak_memory_mb") or last.peak_memory_mb
        speed = result.get("tokens_per_second") or last.tokens_per_second
        facts = [
            ("recipe", self.run["recipe_file"] or NOT_TOLD),
            ("model", recipe["model"]["name_or_path"]),
            ("engine", recipe["engine"]),
            ("state", self._state()),
            ("steps", f"{last.step:,} ({last.epoch:.2f} epochs)"),
            ("training loss", _first_to_last([one.loss for one in self.metrics])),
            ("best validation loss", self._validation()),
            ("highest learning rate", _largest([one.learning_rate for one in self.metrics])),
            ("time", duration(result.get("seconds"))),
            ("tokens a second", NOT_TOLD if speed is None else f"{speed:,.0f}"),
            ("peak memory", NOT_TOLD if peak is None else f"{peak:,.0f} MB"),
        ]
        if result:
            trained, total = result["trainable_parameters"], result["total_parameters"]
            held = f"{result['train_examples']:,} and {result['validation_examples']:,}"
            versions = ", ".join(f"{name} {one}" for name, one in result["versions"].items())
            facts += [
                ("trained weights", f"{trained:,} of {total:,}"),
                ("examples to learn and to judge by", held),
                ("versions", versions),
            ]
        return facts

    def headline(self) -> str:
        """The facts that a picture of the curves is looked at with."""
        facts = dict(self.facts())
        chosen = ("time", "peak memory", "best validation loss")
        told = [f"{name} {facts[name]}" for name in chosen if facts[name] != NOT_TOLD]
        return ", ".join([f"{self.metrics[-1].step:,} steps", *told])

    def _state(self) -> str:
        if not self.result:
            return "not finished"
        return "stopped early" if self.result["stopped_early"] else "finished"

    def _validation(self) -> str:
        judged = [one for one in self.metrics if one.eval_loss is not None]
        if not judged:
            return NOT_TOLD
        best = min(judged, key=lambda one: one.eval_loss or 0.0)
        return f"{best.eval_loss:.4f} at step {best.step:,}, perplexity {best.perplexity:.2f}"


def read_report(folder: Path) -> RunReport:
    """The report of a run folder, also of one that is being trained or was killed.

    Raises UnusableInput for a folder that is none, and for one without a metric yet.
    """
    run = read_run(folder)
    if run is None:
        cure = "name the --output-dir of a training"
        raise UnusableInput(Problem(f"has no {RUN_FILE}", file=str(folder), cure=cure))
    metrics = MetricsFile(folder / METRICS_FILE).metrics
    if not metrics:
        cure = "wait for the first training.logging_steps"
        raise UnusableInput(Problem("no step is logged yet", file=str(folder), cure=cure))
    return RunReport(folder.resolve().name, tuple(metrics), run)


def duration(seconds: float | None) -> str:
    """A time in words.

    >>> duration(42.4), duration(2976), duration(None)
    ('42 s', '49.6 min', 'not told')
    """
    if seconds is None:
        return NOT_TOLD
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _first_to_last(values: Sequence[float | None]) -> str:
    told = [one for one in values if one is not None]
    return f"from {told[0]:.4f} to {told[-1]:.4f}" if told else NOT_TOLD


def _largest(values: Sequence[float | None]) -> str:
    told = [one for one in values if one is not None]
    return f"{max(told):.3g}" if told else NOT_TOLD

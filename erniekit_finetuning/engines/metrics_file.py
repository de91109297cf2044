"""metrics.jsonl of a run."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from erniekit_finetuning.engines.protocol import Metric
from erniekit_finetuning.files import write_jsonl

METRICS_FILE = "metrics.jsonl"


class MetricsFile:
    """metrics.jsonl: a line for a step replaces the lines at and after that step."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.metrics: list[Metric] = []
        if path.is_file():
            lines = path.read_text(encoding="utf-8").splitlines()
            rows = [json.loads(line) for line in lines]
            self.metrics = [
                Metric(**{key: row[key] for key in row if key != "perplexity"}) for row in rows
            ]

    def add(self, metric: Metric) -> None:
        """Record a metric; after a resume the repeated steps are not written twice."""
        self.metrics = [other for other in self.metrics if other.step < metric.step]
        self.metrics.append(metric)
        rows = [asdict(other) | {"perplexity": other.perplexity} for other in self.metrics]
        write_jsonl(self._path, rows)

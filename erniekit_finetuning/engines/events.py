"""Metrics as TensorBoard events, when a recipe asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from erniekit_finetuning.engines.protocol import Metric
from erniekit_finetuning.errors import Problem, UnusableInput


@contextmanager
def events(folder: Path, report_to: str) -> Iterator[Callable[[Metric], None]]:
    """Give what takes each metric. Raises UnusableInput when tensorboard is not installed."""
    if report_to == "none":
        yield lambda metric: None
        return
    try:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError as error:
        cure = "install ernie-invoice[tensorboard], or set training.report_to: none"
        what = f"tensorboard cannot be used: {error}"
        raise UnusableInput(Problem(what, field="training.report_to", cure=cure)) from error
    writer = EventFileWriter(str(folder))

    def add(metric: Metric) -> None:
        values = asdict(metric) | {"perplexity": metric.perplexity}
        step = values.pop("step")
        told = [
            Summary.Value(tag=name, simple_value=value)
            for name, value in values.items()
            if value is not None
        ]
        writer.add_event(Event(step=step, summary=Summary(value=told)))

    try:
        yield add
    finally:
        writer.close()

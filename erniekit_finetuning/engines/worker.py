"""The process that trains for another: `python erniekit_finetuning/engines/worker.py JOB`."""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # run by path: import from the checkout, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from erniekit_finetuning.engines.preparation import processes_given
from erniekit_finetuning.engines.protocol import Example, Message, Metric
from erniekit_finetuning.engines.registry import get_framework
from erniekit_finetuning.engines.training_here import train_here
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.recipes.model import Recipe


def main(folder: Path) -> None:
    """Do the job in `folder` and write what happens to told.jsonl there."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    recipe = Recipe.model_validate(job["recipe"])
    leads = processes_given()[0] == 0
    with (folder / "told.jsonl").open("a", encoding="utf-8") as told:

        def tell(kind: str, value: Any) -> None:
            if leads:
                told.write(json.dumps([kind, value], default=str) + "\n")
                told.flush()

        def on_metric(metric: Metric) -> None:
            tell("metric", asdict(metric))

        examples, held = ([_example(row) for row in job[side]] for side in ("train", "validation"))
        try:
            result = train_here(
                get_framework(recipe.engine),
                recipe,
                examples,
                held,
                Path(job["run"]),
                on_metric,
                lambda *step: tell("step", step),
            )
        except UnusableInput as error:
            tell("problems", error.to_json())
        else:
            tell("result", asdict(result))


def _example(row: dict[str, Any]) -> Example:
    messages = tuple(Message(**message) for message in row["messages"])
    return Example(messages, row["id"], tuple(row["images"]))


def _end_with_parent() -> None:
    while os.read(0, 1):  # not sys.stdin, whose lock an ending interpreter waits for
        pass
    os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""A finished run of our own loop, as its folder tells it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from erniekit_finetuning.engines.metrics_file import METRICS_FILE, MetricsFile
from erniekit_finetuning.engines.protocol import Metric
from erniekit_finetuning.engines.run_folder import RUN_FILE, read_run
from erniekit_finetuning.engines.schedule import due, total_steps
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.recipes.model import Recipe


@dataclass(frozen=True)
class FinishedRun:
    """A finished run, as its folder tells it."""

    folder: Path
    recipe: Recipe
    result: dict[str, Any]
    sources: list[dict[str, Any]]

    @classmethod
    def read(cls, folder: Path) -> FinishedRun:
        """Raises UnusableInput when there is no finished run of our own loop."""
        saved = read_run(folder)
        if saved is None or saved["state"] != "finished" or not saved["result"].get("settings"):
            what, file = "is no finished run that tells its settings", str(folder / RUN_FILE)
            raise UnusableInput(Problem(what, file=file, cure="train with engine: paddle or hf"))
        recipe = Recipe.model_validate(saved["recipe"])
        return cls(folder, recipe, saved["result"], saved["sources"])

    @cached_property
    def told(self) -> dict[str, Any]:
        """What the training's own objects said."""
        settings: dict[str, Any] = self.result["settings"]
        return settings

    @cached_property
    def metrics(self) -> list[Metric]:
        """Every logged step."""
        return MetricsFile(self.folder / METRICS_FILE).metrics

    @property
    def per_epoch(self) -> int:
        """Optimizer steps of an epoch."""
        return -(-int(self.result["sequences"]) // int(self.told["sequences_per_step"]))

    @property
    def total(self) -> int:
        """Optimizer steps that the recipe asks for."""
        return total_steps(self.per_epoch, self.recipe.training)

    def due(self, every: Any) -> list[int]:
        """The steps done at which something is due, the last one always."""
        last = int(self.result["steps"])
        return [s for s in range(1, last + 1) if s == last or due(s, every, self.per_epoch)]

"""Each setting of a recipe beside what a finished run really used, read back from its folder.

What model, optimizer and encoder said of themselves stands in run.json; what shows in the run's
course (rates, evaluations, checkpoints) is read from metrics.jsonl and checkpoints/.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from erniekit_finetuning.adapters.tensors import read_json
from erniekit_finetuning.engines.checkpoints import step_of
from erniekit_finetuning.engines.finished_run import FinishedRun
from erniekit_finetuning.engines.locating import BASE_RECORD
from erniekit_finetuning.engines.run_folder import flat
from erniekit_finetuning.engines.schedule import learning_rate
from erniekit_finetuning.recipes.chat_templates import CHAT_TEMPLATES


@dataclass(frozen=True)
class Setting:
    """A key of the recipe, its value there, and what was used; `agrees` says that they fit."""

    key: str
    recipe: Any
    used: Any
    agrees: bool


def settings_in_use(folder: Path) -> list[Setting]:
    """The settings of a run's recipe that can be read back, in the recipe's order."""
    run = FinishedRun.read(folder)
    keys = flat(run.recipe.model_dump(mode="json"))
    found = {setting.key: setting for setting in (*_told(run, keys), *_data(run), *_course(run))}
    return [found[key] for key in keys if key in found]


def _told(run: FinishedRun, keys: dict[str, Any]) -> Iterator[Setting]:
    """What the training's own objects say under the very key."""
    expected = keys | {
        "data.end_token": run.recipe.data.end_token
        or CHAT_TEMPLATES.get(run.recipe.data.chat_template or "")
    }
    for key, used in run.told.items():
        if key in keys and key != "data.validation_share" and expected[key] is not None:
            yield Setting(key, expected[key], used, used == expected[key])
    if (scaling := run.told.get("lora.scaling")) is not None:
        lora = run.recipe.lora
        asked = lora.lora_alpha / (math.sqrt(lora.r) if lora.use_rslora else lora.r)
        agrees = math.isclose(asked, scaling)
        yield Setting("lora.lora_alpha", lora.lora_alpha, f"scaled by {scaling:g}", agrees)
    record = run.folder / "adapter" / BASE_RECORD
    if record.is_file():
        named, base = (
            Path(name).name
            for name in (run.recipe.model.name_or_path, read_json(record)["name_or_path"])
        )
        yield Setting("model.name_or_path", named, base, base == named)


def _data(run: FinishedRun) -> Iterator[Setting]:
    data, result = run.recipe.data, run.result
    names = [Path(source.place).name for source in data.sources]
    counts = [f"{Path(one['place']).name} ({one['taken']})" for one in run.sources]
    if names:
        read = [Path(one["place"]).name for one in run.sources]
        yield Setting("data.sources", names, counts, read == names)
        whole = result["train_examples"] == sum(one["train"] for one in run.sources)
        used = data.mixing if whole or result["left_out"] else "not all once"
        yield Setting("data.mixing", data.mixing, used, used == data.mixing)
    if seeds := {one["seed"] for one in run.sources}:
        drawn = ", ".join(map(str, sorted(seeds)))
        yield Setting("data.seed", data.seed, drawn, seeds == {data.seed})
    held, learnt = result["validation_examples"], result["train_examples"]
    if data.validation_file is not None:
        name = Path(data.validation_file).name
        yield Setting("data.validation_file", name, f"{held} examples", held > 0)
    else:
        close = abs(data.validation_share * (held + learnt) - held) <= 1
        share = f"{held} of {held + learnt}"
        yield Setting("data.validation_share", data.validation_share, share, close)
    longest = run.told["longest_sequence"]
    fits = longest == data.max_seq_len if data.packing else longest <= data.max_seq_len
    told = longest if data.packing else f"examples up to {longest}"
    yield Setting("data.max_seq_len", data.max_seq_len, told, fits)
    left = f"{result['left_out']} left out"
    allowed = data.longer_examples == "leave_out" or not result["left_out"]
    yield Setting("data.longer_examples", data.longer_examples, left, allowed)


def _course(run: FinishedRun) -> Iterator[Setting]:
    training, told = run.recipe.training, run.told
    steps, metrics = run.result["steps"], run.metrics
    length = "max_steps" if training.max_steps is not None else "num_train_epochs"
    ended = steps == run.total or run.result["stopped_early"]
    used: Any = steps if length == "max_steps" else _plain(steps / run.per_epoch)
    yield Setting(f"training.{length}", getattr(training, length), used, ended)
    batch, accumulation = training.per_device_train_batch_size, training.gradient_accumulation_steps
    product = batch * accumulation * run.recipe.parallel.data
    for key, factor in (
        ("per_device_train_batch_size", batch),
        ("gradient_accumulation_steps", accumulation),
    ):
        used = f"{told['sequences_per_step']} sequences a step in all"
        yield Setting(f"training.{key}", factor, used, told["sequences_per_step"] == product)
    rates = [(m.learning_rate or 0, learning_rate(m.step, run.total, training)) for m in metrics]
    follows = all(math.isclose(seen, asked, rel_tol=1e-9) for seen, asked in rates)
    highest = f"{max((seen for seen, _ in rates), default=0):g} at the most"
    yield Setting("training.learning_rate", training.learning_rate, highest, follows)
    shape = f"the rates of all {len(rates)} logged steps" if follows else "other rates"
    for key in ("lr_scheduler_type", "warmup_steps", "warmup_ratio"):
        if (asked := getattr(training, key)) is not None:
            yield Setting(f"training.{key}", asked, shape, follows)
    judging = run.due(training.eval_steps) if run.result["validation_examples"] else []
    saving = run.due(training.save_steps)[-training.save_total_limit :]
    judged = [m.step for m in metrics if m.eval_loss is not None]
    logged = sorted({*run.due(training.logging_steps), *judged})
    for key, seen, expected in (
        ("logging_steps", [m.step for m in metrics], logged),
        ("eval_steps", judged, judging),
        ("save_steps", _kept(run), saving),
        ("save_total_limit", _kept(run), saving),
    ):
        words = f"{len(seen)} kept" if key == "save_total_limit" else _steps(seen)
        yield Setting(f"training.{key}", getattr(training, key), words, seen == expected)
    yield from _judged(run)


def _judged(run: FinishedRun) -> Iterator[Setting]:
    """What was made of the validation losses."""
    training, result = run.recipe.training, run.result
    losses = {m.step: m.eval_loss for m in run.metrics if m.eval_loss is not None}
    best = min(losses, key=lambda step: losses[step]) if losses else result["steps"]
    wanted = best if training.load_best_model_at_end else result["steps"]
    used = f"the weights of step {result['best_step']}"
    agrees = result["best_step"] == wanted
    key = "load_best_model_at_end"
    yield Setting(f"training.{key}", training.load_best_model_at_end, used, agrees)
    patience = training.early_stopping_patience
    if patience is not None:
        waited = sum(step > best for step in losses)
        used = f"{waited} evaluations after the best one"
        agrees = (waited >= patience) == result["stopped_early"]
        yield Setting("training.early_stopping_patience", patience, used, agrees)


def _kept(run: FinishedRun) -> list[int]:
    return sorted(step_of(path) for path in (run.folder / "checkpoints").glob("step-*"))


def _steps(steps: list[int]) -> str:
    """Which steps, in a few words.

    >>> _steps([1, 2, 3, 4, 5, 6]), _steps([3, 6])
    ('6 steps, 1 to 6', 'steps 3, 6')
    """
    if len(steps) > 4:
        return f"{len(steps)} steps, {steps[0]} to {steps[-1]}"
    return f"steps {', '.join(map(str, steps))}"


def _plain(number: float) -> float | int:
    return int(number) if number == int(number) else number


def as_table(settings: list[Setting]) -> str:
    """A Markdown table; a setting that was not kept says so in its line."""
    lines = ["| setting | recipe | used |", "|---|---|---|"]
    for one in settings:
        differs = "" if one.agrees else " **differs**"
        lines.append(f"| `{one.key}` | {_cell(one.recipe)} | {_cell(one.used)}{differs} |")
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    """A value in a table's cell.

    >>> _cell(["q_proj", "k_proj"]), _cell("<|im_end|>"), _cell(True)
    ('q_proj, k_proj', '<\\\\|im_end\\\\|>', 'true')
    """
    if isinstance(value, bool):
        return str(value).lower()
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text.replace("|", "\\|")

"""Trainings that PaddleFormers' own trainer does: mixtures, images, models split over GPUs.

It is started with the translated recipe, on one device or by Paddle's launcher on several, on
several machines where NNODES, MASTER_ADDR, MASTER_PORT and RANK say so.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from erniekit_finetuning.engines.locating import locate_base, record_base
from erniekit_finetuning.engines.metrics_file import METRICS_FILE, MetricsFile
from erniekit_finetuning.engines.paddle.runtime import on_gpu, versions
from erniekit_finetuning.engines.prompting import prompting_of, write_prompting
from erniekit_finetuning.engines.protocol import Example, Metric, TrainResult
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.files import write_jsonl, write_text, written_whole
from erniekit_finetuning.recipes.architecture import Kind
from erniekit_finetuning.recipes.model import Recipe
from erniekit_finetuning.recipes.translation.files import Files
from erniekit_finetuning.recipes.translation.paddleformers import to_paddleformers

WORKER = Path(__file__).with_name("upstream_worker.py")
# An exception in its data loader can hang it; nothing at all is logged then.
SILENCE = 1800.0
LAST_LINES = 12


def train_upstream(
    recipe: Recipe,
    kind: Kind,
    train: Sequence[Example],
    validation: Sequence[Example],
    run: Path,
    on_metric: Callable[[Metric], None],
    on_step: Callable[[int, int], None],
) -> TrainResult:
    """Train into `run`; see `Engine.train`. Its checkpoints are PaddleFormers' own."""
    base, began = locate_base(recipe), time.monotonic()
    work = (run / "upstream").resolve()
    work.mkdir(parents=True, exist_ok=True)
    _write_rows(work / "train.jsonl", train, recipe)
    if validation:
        _write_rows(work / "validation.jsonl", validation, recipe)
    output = work / "output"
    files = Files(
        str(work / "train.jsonl"),
        str(work / "validation.jsonl") if validation else None,
        str(output),
    )
    translated = to_paddleformers(recipe, kind, files, on_cpu=not on_gpu())
    translated["model_name_or_path"] = str(base)
    if recipe.training.early_stopping_patience is not None:
        translated |= {
            "load_best_model_at_end": True,
            "metric_for_best_model": "eval_loss",
            "greater_is_better": False,
            "save_steps": recipe.training.eval_steps,
        }
    write_text(work / "train.yaml", yaml.safe_dump(translated, sort_keys=False))
    write_text(work / "recipe.json", recipe.model_dump_json())
    (work / "told.jsonl").unlink(missing_ok=True)
    metrics = MetricsFile(run / METRICS_FILE)
    total = recipe.training.max_steps or 0
    for metric in _followed(_command(recipe, work), work):
        metrics.add(metric)
        on_metric(metric)
        on_step(metric.step, max(total, metric.step))
    adapter = run / ("adapter" if recipe.lora.enabled else "model")
    with written_whole(adapter) as aside:
        _keep(output, aside, recipe.lora.enabled)
        if recipe.lora.enabled:
            record_base(aside, recipe.model.name_or_path, base)
        write_prompting(aside, prompting_of(recipe.data))
    return _result(recipe, metrics.metrics, adapter, train, validation, time.monotonic() - began)


def _write_rows(file: Path, examples: Sequence[Example], recipe: Recipe) -> None:
    system = recipe.data.system_prompt

    def row(example: Example) -> dict[str, Any]:
        turns = [{"role": m.role, "content": m.content} for m in example.messages]
        if system is not None and turns[0]["role"] != "system":
            turns.insert(0, {"role": "system", "content": system})
        labels = [int(m.trained) for m in example.messages if m.role == "assistant"]
        made: dict[str, Any] = {"messages": turns}
        if not all(labels):
            made["label"] = labels
        if example.images:
            made["images"] = [str(Path(image).resolve()) for image in example.images]
        return made

    write_jsonl(file, map(row, examples))


def _command(recipe: Recipe, work: Path) -> list[str]:
    worker = [str(WORKER), str(work / "train.yaml")]
    count = recipe.parallel.devices
    if count == 1:
        return [sys.executable, *worker]
    launcher = [sys.executable, "-m", "paddle.distributed.launch", "--log_dir", str(work / "logs")]
    if on_gpu():
        launcher += ["--devices", ",".join(map(str, range(count)))]
    else:
        launcher += ["--nproc_per_node", str(count), "--backend", "gloo"]
    machines = os.environ.get("NNODES")
    if machines is not None:
        master = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        launcher += ["--nnodes", machines, "--master", master, "--rank", os.environ["RANK"]]
    return [*launcher, *worker]


def _followed(command: Sequence[str], work: Path) -> Iterator[Metric]:
    log = work / "log.txt"
    # Without it the trainer takes the number of devices from an empty list.
    environment = {"CUDA_VISIBLE_DEVICES": "0"} if not on_gpu() else {}
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env=os.environ | environment,
            start_new_session=True,
        )  # fmt: skip
    told, read, heard = work / "told.jsonl", 0, time.monotonic()
    waiting: Metric | None = None
    try:
        ended = False
        while not ended:
            ended = process.poll() is not None  # asked first: what it wrote last is still read
            lines = told.read_text(encoding="utf-8").splitlines() if told.is_file() else []
            for line in lines[read:]:
                metric = _metric(json.loads(line))
                if metric is None:
                    continue
                # Loss and validation loss of a step are told one after the other.
                if waiting is not None and metric.step == waiting.step:
                    waiting = _joined(waiting, metric)
                    continue
                if waiting is not None:
                    yield waiting
                waiting = metric
            read = len(lines)
            heard = max(heard, _monotonic(log))
            if time.monotonic() - heard > SILENCE:
                raise UnusableInput(_failed(log, f"it said nothing for {SILENCE:.0f} s"))
            time.sleep(0.1)
        if waiting is not None:
            yield waiting
        if process.returncode != 0:
            raise UnusableInput(_failed(log, f"it ended with exit code {process.returncode}"))
    finally:
        _end(process)


def _metric(told: dict[str, Any]) -> Metric | None:
    loss, evaluated = told.get("loss"), told.get("eval_loss")
    if loss is None and evaluated is None:
        return None
    return Metric(
        int(told["step"]), float(told["epoch"] or 0), loss, evaluated, told.get("learning_rate")
    )


def _joined(one: Metric, other: Metric) -> Metric:
    first, second = vars(one), vars(other)
    return Metric(**{name: second[name] if first[name] is None else first[name] for name in first})


def _monotonic(log: Path) -> float:
    return time.monotonic() - (time.time() - log.stat().st_mtime)


def _failed(log: Path, how: str) -> Problem:
    text = log.read_text(encoding="utf-8", errors="replace")
    found = "\n".join(line for line in text.splitlines() if line.strip())[-3000:]
    last = "\n".join(found.splitlines()[-LAST_LINES:])
    cure = f"its log: {log}"
    if "out of memory" in text.lower() or "ResourceExhausted" in text:
        cure = (
            "memory ran out: set training.gradient_checkpointing: true, lower data.max_seq_len, or "
            f"raise parallel.tensor; {cure}"
        )
    return Problem(f"PaddleFormers' trainer failed: {how}", found=last, cure=cure)


def _end(process: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, sign)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                continue


def _keep(output: Path, folder: Path, lora: bool) -> None:
    names = ["lora_config.json", "peft_model*"] if lora else ["config.json", "model*", "*.json"]
    folder.mkdir(parents=True)
    for pattern in names:
        for file in output.glob(pattern):
            if file.suffix in {".json", ".safetensors", ".model", ".jinja"}:
                shutil.copyfile(file, folder / file.name)
    if not any(folder.glob("*.safetensors")):
        raise UnusableInput(Problem("PaddleFormers left no safetensors", file=str(output)))


def _result(
    recipe: Recipe,
    metrics: Sequence[Metric],
    written: Path,
    train: Sequence[Example],
    validation: Sequence[Example],
    seconds: float,
) -> TrainResult:
    if not metrics:
        raise UnusableInput(Problem("PaddleFormers' trainer logged no step", file=str(written)))
    losses = [metric.loss for metric in metrics if metric.loss is not None]
    judged = [metric for metric in metrics if metric.eval_loss is not None]
    best = min(judged, key=lambda metric: metric.eval_loss or 0.0, default=None)
    steps = metrics[-1].step
    stopped = recipe.training.max_steps is not None and steps < recipe.training.max_steps
    return TrainResult(
        model=written,
        steps=steps,
        train_loss=losses[-1],
        eval_loss=best.eval_loss if best else None,
        best_step=best.step if best else steps,
        train_examples=len(train),
        validation_examples=len(validation),
        trained_token_share=None,
        sequences=len(train),
        padding_before=None,
        stopped_early=stopped,
        trainable_parameters=0,
        total_parameters=0,
        lora_modules=tuple(recipe.lora.target_modules) if recipe.lora.enabled else (),
        seconds=seconds,
        tokens_per_second=None,
        peak_memory_mb=None,
        resumed_from_step=None,
        shown_example="\n".join(f"{m.role}: {m.content}" for m in train[0].messages),
        versions=versions(),
    )

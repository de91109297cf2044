"""What a recipe says is what is trained, on every engine installed, and a kill loses nothing.

Both engines run the same loop on the same examples from the same weights; the hf engine trains in
a process of its own.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file
from tiny_model import build_tiny_model

from erniekit_finetuning.engines import Example, Metric, TrainResult, get_engine
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.files import write_json, write_jsonl
from erniekit_finetuning.mixing import Split
from erniekit_finetuning.recipes import Recipe
from erniekit_finetuning.recipes.loading import dump_recipe
from erniekit_finetuning.settings_in_use import settings_in_use
from erniekit_finetuning.training import train

NEEDS = {"paddle": "paddle", "hf": "peft"}
ENGINES = [
    pytest.param(
        name, marks=pytest.mark.skipif(find_spec(module) is None, reason=f"needs {module}")
    )
    for name, module in NEEDS.items()
]
BOTH = pytest.mark.skipif(
    not all(map(find_spec, NEEDS.values())), reason="needs both engines: make test"
)
WORDS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")
EXAMPLES = [
    Example.ask(f"say {word} {times}", word[::-1] * times, id=f"{word}-{times}")
    for word in WORDS
    for times in (1, 2, 3, 4)
]
TRAIN, VALIDATION = EXAMPLES[:18], EXAMPLES[18:]
SCRIPT = Path(__file__).parent.parent / "erniekit_finetuning" / "train_ernie_lora.py"


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="session")
def make(base: Path) -> Callable[..., Recipe]:
    def recipe(engine: str, **sections: dict[str, Any]) -> Recipe:
        training = {
            "max_steps": 6,
            "learning_rate": 0.01,
            "per_device_train_batch_size": 4,
            "logging_steps": 1,
            "eval_steps": 3,
        }
        return Recipe.model_validate(
            {
                "model": {"name_or_path": str(base)} | sections.get("model", {}),
                "lora": {"r": 4, "lora_alpha": 8} | sections.get("lora", {}),
                "data": {"max_seq_len": 96} | sections.get("data", {}),
                "training": training | sections.get("training", {}),
                "parallel": sections.get("parallel", {}),
                "engine": engine,
            }
        )

    return recipe


def trained(
    recipe: Recipe, run: Path, validation: list[Example] | None = None
) -> tuple[TrainResult, list[Metric]]:
    metrics: list[Metric] = []
    result = get_engine(recipe.engine).train(
        recipe, TRAIN, validation or [], run, metrics.append, lambda done, total: None
    )
    return result, metrics


def adapter(result: TrainResult) -> dict[str, np.ndarray]:
    return dict(load_file(result.model / "adapter_model.safetensors"))


def furthest(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    assert one.keys() == other.keys()
    return max(float(abs(one[name] - other[name]).max()) for name in one)


@BOTH
@pytest.mark.parametrize("packing", [False, True])
def test_both_engines_learn_the_same(
    make: Callable[..., Recipe], tmp_path: Path, packing: bool
) -> None:
    sections = {"training": {"max_steps": 50}, "data": {"packing": packing, "max_seq_len": 64}}
    losses, results = {}, {}
    for engine in NEEDS:
        results[engine], metrics = trained(make(engine, **sections), tmp_path / engine)
        losses[engine] = np.array([metric.loss for metric in metrics])
    assert len(losses["hf"]) == 50
    assert losses["paddle"][-1] < losses["paddle"][0] / 3
    assert (abs(losses["paddle"] - losses["hf"]) / losses["hf"]).max() < 0.01
    assert results["paddle"].lora_modules == results["hf"].lora_modules
    assert results["paddle"].trainable_parameters == results["hf"].trainable_parameters


def kill_at(command: list[str], metrics: Path, step: int) -> bool:
    """Run a training and kill it once it has logged `step`; whether it was still running."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while process.poll() is None:
            lines = metrics.read_text().splitlines() if metrics.is_file() else []
            if lines and json.loads(lines[-1])["step"] >= step:
                process.send_signal(signal.SIGKILL)
                process.wait()
                return True
            time.sleep(0.005)
        assert process.returncode == 0
        return False
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(("engine", "kills"), [("paddle", 10), ("hf", 4)])
def test_kills_change_nothing(
    make: Callable[..., Recipe], tmp_path: Path, engine: str, kills: int
) -> None:
    recipe = make(
        engine,
        lora={"lora_dropout": 0.2},
        data={"validation_share": 0.2},
        training={"max_steps": 120, "eval_steps": 7, "logging_steps": 1, "save_steps": 5},
    )
    (tmp_path / "recipe.yaml").write_text(dump_recipe(recipe), encoding="utf-8")
    rows = [
        {"messages": [{"role": m.role, "content": m.content} for m in e.messages]} for e in EXAMPLES
    ]
    write_jsonl(tmp_path / "rows.jsonl", rows)

    def command(run: Path) -> list[str]:
        return [
            sys.executable, str(SCRIPT), "--config", str(tmp_path / "recipe.yaml"),
            "--dataset", str(tmp_path / "rows.jsonl"), "--output-dir", str(run),
        ]  # fmt: skip

    killed = tmp_path / "killed"
    for step in sorted(random.Random(7).sample(range(6, 116), kills)):
        assert kill_at(command(killed), killed / "metrics.jsonl", step)
    subprocess.run(command(killed), check=True, capture_output=True)
    subprocess.run(command(tmp_path / "whole"), check=True, capture_output=True)
    results = [json.loads((tmp_path / n / "run.json").read_text()) for n in ("killed", "whole")]
    assert results[0]["result"]["resumed_from_step"] is not None
    assert results[1]["result"]["resumed_from_step"] is None
    assert results[0]["result"]["best_step"] == results[1]["result"]["best_step"]
    files = [tmp_path / n / "adapter" / "adapter_model.safetensors" for n in ("killed", "whole")]
    assert files[0].read_bytes() == files[1].read_bytes()
    told = [
        [
            {k: v for k, v in json.loads(line).items() if k in ("step", "loss", "eval_loss")}
            for line in (tmp_path / n / "metrics.jsonl").read_text().splitlines()
        ]
        for n in ("killed", "whole")
    ]
    assert told[0] == told[1]


@pytest.fixture(scope="session")
def plain(
    make: Callable[..., Recipe], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], dict[str, np.ndarray]]:
    """The adapter of the unchanged recipe, by engine."""

    @cache
    def of(engine: str) -> dict[str, np.ndarray]:
        return adapter(trained(make(engine), tmp_path_factory.mktemp("plain") / engine)[0])

    return of


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "sections",
    [
        {"lora": {"lora_alpha": 16}},
        {"lora": {"use_rslora": True}},
        {"lora": {"lora_dropout": 0.5}},
        {"training": {"lr_scheduler_type": "cosine"}},
        {"training": {"lr_scheduler_type": "constant"}},
        {"training": {"warmup_steps": 3}},
        {"training": {"warmup_ratio": 0.5}},
        {"training": {"weight_decay": 1.0}},
        {"training": {"adam_epsilon": 1e-3}},
        {"training": {"adam_beta1": 0.5}},
        {"training": {"adam_beta2": 0.9}},
        {"training": {"gradient_accumulation_steps": 2}},
        {"training": {"seed": 5}},
        {"data": {"train_on_responses_only": False}},
        {"data": {"system_prompt": "Answer in JSON."}},
    ],
    ids=lambda s: ",".join(f"{k}.{n}={v}" for k, keys in s.items() for n, v in keys.items()),
)
def test_every_key_changes_what_is_learnt(
    make: Callable[..., Recipe],
    plain: Callable[[str], dict[str, np.ndarray]],
    tmp_path: Path,
    engine: str,
    sections: dict[str, dict[str, Any]],
) -> None:
    result, _ = trained(make(engine, **sections), tmp_path / "run")
    assert furthest(plain(engine), adapter(result)) > 1e-4


@pytest.mark.parametrize("engine", ENGINES)
def test_clipping_changes_what_is_learnt(
    make: Callable[..., Recipe], tmp_path: Path, engine: str
) -> None:
    # Adam hardly minds the size of gradients unless its epsilon is as large as they are.
    adapters, norms = [], []
    for limit in (None, 0.01):
        recipe = make(engine, training={"max_grad_norm": limit, "adam_epsilon": 1e-3})
        result, metrics = trained(recipe, tmp_path / str(limit))
        adapters.append(adapter(result))
        norms.append(metrics[0].gradient_norm)
    assert norms[0] == norms[1] > 0.01  # what is told is the norm before clipping
    assert furthest(*adapters) > 1e-4


@pytest.mark.parametrize("engine", ENGINES)
def test_rank_and_targets_shape_the_adapter(
    make: Callable[..., Recipe], tmp_path: Path, engine: str
) -> None:
    recipe = make(engine, lora={"r": 3, "target_modules": ["v_proj", "down_proj"]})
    tensors = adapter(trained(recipe, tmp_path / "run")[0])
    assert {name.split(".")[-3] for name in tensors} == {"v_proj", "down_proj"}
    assert {t.shape[0] for name, t in tensors.items() if "lora_A" in name} == {3}


@pytest.mark.parametrize("engine", ENGINES)
def test_whole_modules_are_trained_beside_adapters(
    make: Callable[..., Recipe], base: Path, tmp_path: Path, engine: str
) -> None:
    recipe = make(engine, lora={"target_modules": ["o_proj"], "modules_to_save": ["norm"]})
    tensors = adapter(trained(recipe, tmp_path / "run")[0])
    before = load_file(base / "model.safetensors")["model.norm.weight"]
    (saved,) = [t for name, t in tensors.items() if "norm" in name]
    assert abs(saved - before).max() > 1e-3


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("lora", "said"),
    [
        ({"target_modules": ["o_proj", "query"]}, r"target_modules.*matches no module.*query"),
        ({"modules_to_save": ["head"]}, r"modules_to_save.*matches no module.*head"),
        ({"bias": "all"}, r"lora\.bias.*no bias"),
    ],
)
def test_what_the_model_does_not_have_is_refused(
    make: Callable[..., Recipe], tmp_path: Path, engine: str, lora: dict[str, Any], said: str
) -> None:
    with pytest.raises(UnusableInput, match=said):
        trained(make(engine, lora=lora), tmp_path / "run")


@pytest.mark.skipif(find_spec("paddle") is None, reason="needs paddle")
def test_training_stops_early_and_keeps_the_best(
    make: Callable[..., Recipe], tmp_path: Path
) -> None:
    def run(name: str, **training: Any) -> TrainResult:
        keys = {"max_steps": 60, "eval_steps": 2, "learning_rate": 0.05, "logging_steps": 2}
        return trained(make("paddle", training=keys | training), tmp_path / name, VALIDATION)[0]

    stopped = run("stopped", early_stopping_patience=3)
    assert stopped.stopped_early
    assert stopped.steps == stopped.best_step + 6 < 60
    sooner = run("sooner", early_stopping_patience=3, early_stopping_threshold=10.0)
    assert (sooner.steps, sooner.stopped_early) == (8, True)
    last = run("last", early_stopping_patience=3, load_best_model_at_end=False)
    assert last.best_step == last.steps == stopped.steps
    assert furthest(adapter(last), adapter(stopped)) > 1e-3


@pytest.mark.parametrize("engine", ENGINES)
def test_recomputed_values_give_the_same_gradients(
    make: Callable[..., Recipe],
    plain: Callable[[str], dict[str, np.ndarray]],
    tmp_path: Path,
    engine: str,
) -> None:
    recipe = make(engine, training={"gradient_checkpointing": True})
    assert furthest(plain(engine), adapter(trained(recipe, tmp_path / "run")[0])) < 1e-6


@pytest.mark.parametrize("engine", ENGINES)
def test_two_processes_over_gloo_train_as_one(
    make: Callable[..., Recipe], tmp_path: Path, engine: str
) -> None:
    lora = {"lora_dropout": 0.2}
    one = trained(make(engine, lora=lora), tmp_path / "one")[0]
    two = trained(
        make(
            engine,
            lora=lora,
            parallel={"data": 2},
            training={"per_device_train_batch_size": 2},
        ),
        tmp_path / "two",
    )[0]
    assert furthest(adapter(one), adapter(two)) < 1e-6


@BOTH
def test_batches_and_packs_take_the_same_step_in_torch(
    make: Callable[..., Recipe], tmp_path: Path
) -> None:
    plain = {"max_steps": 1, "per_device_train_batch_size": 18}
    split = {
        "max_steps": 1, "per_device_train_batch_size": 3, "gradient_accumulation_steps": 6
    }  # fmt: skip
    one = adapter(trained(make("hf", training=plain), tmp_path / "one")[0])
    other = adapter(trained(make("hf", training=split), tmp_path / "other")[0])
    assert furthest(one, other) < 1e-5


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_tells_each_setting_and_a_wrong_one_shows(
    make: Callable[..., Recipe], tmp_path: Path, engine: str
) -> None:
    changed = {"weight_decay": 0.05, "adam_beta2": 0.95, "lr_scheduler_type": "cosine"}
    recipe = make(
        engine,
        lora={"lora_dropout": 0.1},
        data={"validation_share": 0.25},
        training={**changed, "warmup_steps": 2, "save_steps": "epoch", "max_steps": 11},
    )
    run = tmp_path / "run"
    train(recipe, Split(TRAIN, VALIDATION), run)
    settings = {one.key: one for one in settings_in_use(run)}
    assert [one for one in settings.values() if not one.agrees] == []
    assert {key: settings[f"training.{key}"].used for key in ("weight_decay", "adam_beta2")} == {
        "weight_decay": 0.05,
        "adam_beta2": 0.95,
    }
    assert settings["training.save_steps"].used == "steps 10, 11"
    told = json.loads((run / "run.json").read_text())
    told["result"]["settings"]["lora.r"] = 8
    write_json(run / "run.json", told)
    lines = (run / "metrics.jsonl").read_text().splitlines()
    rows = [json.loads(line) | {"learning_rate": 0.01} for line in lines]
    write_jsonl(run / "metrics.jsonl", rows)
    wrong = {one.key for one in settings_in_use(run) if not one.agrees}
    rates = {"learning_rate", "lr_scheduler_type", "warmup_steps"}
    assert wrong == {"lora.r", *(f"training.{key}" for key in rates)}
    command = [sys.executable, "-m", "erniekit_finetuning.cli", "recipe", "used", str(run)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "| `lora.r` | 4 | 8 **differs** |" in done.stdout

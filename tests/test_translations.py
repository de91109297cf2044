"""A recipe in every trainer's words: real parsers take it, and nothing is dropped in silence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("paddle", reason="the paddle engine is not installed")

from tiny_model import build_tiny_model, tiny_config, write_config
from upstream.models import paddleformers_model

from erniekit_finetuning.adapters.formats import read_adapter
from erniekit_finetuning.engines import Example, Metric, get_engine
from erniekit_finetuning.engines.paddle import upstream_worker
from erniekit_finetuning.engines.paddle.launching import train_upstream
from erniekit_finetuning.engines.protocol import Message
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.recipes import Recipe, load_recipe
from erniekit_finetuning.recipes.architecture import Kind, kind_of
from erniekit_finetuning.recipes.model import EngineName
from erniekit_finetuning.recipes.translation.here import trains_here
from erniekit_finetuning.recipes.translation.paddleformers import ON_CPU
from erniekit_finetuning.recipes.translation.translating import check, translate

ROOT = Path(__file__).parent.parent
SHIPPED = {
    "ernie-4.5-tiny": Kind.TEXT,
    "ernie-4.5-0.3b": Kind.TEXT,
    "ernie-4.5-21b-a3b": Kind.TEXT_MIXTURE,
    "ernie-4.5-vl-28b-a3b": Kind.VISION_MIXTURE,
    "paddleocr-vl-0.9b": Kind.OCR,
}
ERNIEKIT_KEYS = set((ROOT / "tests" / "upstream" / "erniekit_keys.txt").read_text().split())
WORDS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")
EXAMPLES = [Example.ask(f"say {word}", word[::-1], id=word) for word in WORDS]


def shipped(name: str) -> Recipe:
    return load_recipe(ROOT / "configs" / name / "invoice.yaml")


def accepted_by_paddleformers(translated: dict[str, Any]) -> tuple[Any, ...]:
    from paddleformers.cli.hparams.parser import _parse_train_args

    return tuple(_parse_train_args(dict(translated)))


@pytest.mark.parametrize(("name", "kind"), SHIPPED.items())
def test_shipped_recipes_say_what_their_engine_can(name: str, kind: Kind) -> None:
    recipe = shipped(name)
    assert kind_of(recipe.model) is kind
    assert check(recipe, recipe.engine) is kind
    assert trains_here(recipe, kind) == (kind is Kind.TEXT)
    head = (ROOT / "configs" / name / "invoice.yaml").read_text().split("\nmodel:")[0]
    assert f"configs/{name}/invoice.yaml --dataset" in head
    assert "Hardware:" in head
    assert "Time:" in head


@pytest.mark.parametrize(("name", "kind"), SHIPPED.items())
def test_paddleformers_own_parser_takes_every_key(name: str, kind: Kind, tmp_path: Path) -> None:
    recipe = shipped(name)
    if recipe.engine == "hf":
        recipe = recipe.model_copy(update={"engine": "paddle"})
    translated = translate(recipe, "paddle") | ON_CPU | {"output_dir": str(tmp_path)}
    # The parser looks for the devices that it is told of; there is none here.
    for key in ("tensor_model_parallel_size", "pipeline_model_parallel_size"):
        assert translated.pop(key) >= 1
    translated["sequence_parallel"] = False
    model, data, _, _, training = accepted_by_paddleformers(translated)
    assert model.lora_rank == recipe.lora.r
    assert model.stage == ("VL-SFT" if kind.sees_images else "SFT")
    assert data.max_seq_len == recipe.data.max_seq_len
    assert training.learning_rate == recipe.training.learning_rate
    assert training.gradient_accumulation_steps == recipe.training.gradient_accumulation_steps


@pytest.mark.parametrize("name", ["ernie-4.5-tiny", "ernie-4.5-21b-a3b", "ernie-4.5-vl-28b-a3b"])
def test_erniekit_knows_every_key(name: str) -> None:
    recipe = load_recipe(
        ROOT / "configs" / name / "invoice.yaml",
        ["model.dtype=bfloat16", "training.early_stopping_patience=null"],
    )
    translated = translate(recipe, "erniekit")
    assert set(translated) - ERNIEKIT_KEYS == set()
    if name.startswith("ernie-4.5-vl"):
        assert translated["stage"] == "VL-SFT"
        assert translated["pp_need_data_degree"] == translated["pipeline_parallel_degree"] == 2
        assert translated["freeze_config"] == "freeze_vision"


CHANGES: list[tuple[EngineName, dict[str, dict[str, Any]], str]] = [
    ("hf", {"parallel": {"tensor": 2}}, r"parallel\.tensor"),
    ("hf", {"model": {"quantization": "wint8"}}, r"model\.quantization"),
    ("paddle", {"training": {"optim": "adamw_8bit"}}, r"training\.optim.*hf engine"),
    ("paddle", {"model": {"quantization": "4bit"}}, r"model\.quantization.*hf engine"),
    (
        "paddle",
        {"parallel": {"tensor": 2}, "lora": {"target_modules": ["q_proj", "up_proj"]}},
        r"q_proj, k_proj, v_proj together[\s\S]*gate_proj, up_proj together",
    ),
    ("paddle", {"lora": {"enabled": False}, "model": {"dtype": "bfloat16"}}, r"small updates"),
    ("erniekit", {"lora": {"lora_alpha": 8}}, r"lora\.lora_alpha.*expected 32.*twice the rank"),
    ("erniekit", {"lora": {"lora_dropout": 0.1}}, r"lora\.lora_dropout"),
    ("erniekit", {"model": {"dtype": "float32"}}, r"training\.precision.*bfloat16"),
    ("erniekit", {"lora": {"target_modules": ["o_proj"]}}, r"lora\.target_modules"),
    ("erniekit", {"training": {"early_stopping_patience": 2}}, r"early_stopping_patience"),
]


@pytest.mark.parametrize(("engine", "changes", "said"), CHANGES)
def test_what_an_engine_cannot_do_is_said_before_it_starts(
    engine: EngineName, changes: dict[str, dict[str, Any]], said: str
) -> None:
    values = shipped("ernie-4.5-tiny").model_dump(mode="json")
    for section, keys in changes.items():
        values[section] |= keys
    for section in ("lora", "data"):
        for name, value in values[section].items():
            values[section][name] = tuple(value) if isinstance(value, list) else value
    with pytest.raises(UnusableInput, match=said):
        check(Recipe.model_validate(values), engine)


def test_kinds_are_known_by_files_and_by_names(tmp_path: Path) -> None:
    model = shipped("ernie-4.5-tiny").model
    build_tiny_model(tmp_path / "tiny")
    config = tiny_config(10, 64)
    for model_type, kind in (
        ("ernie4_5_moe", Kind.TEXT_MIXTURE),
        ("ernie4_5_moe_vl", Kind.VISION_MIXTURE),
        ("llama", None),
    ):
        write_config(tmp_path / "tiny", config | {"model_type": model_type})
        found = model.model_copy(update={"name_or_path": str(tmp_path / "tiny")})
        assert kind_of(found) is kind
    with pytest.raises(UnusableInput, match="no such model"):
        kind_of(model.model_copy(update={"name_or_path": "baidu/ERNIE-4.5-8B"}))


def tiny_recipe(base: Path, **sections: Any) -> Recipe:
    training = {
        "max_steps": 20,
        "learning_rate": 0.05,
        "per_device_train_batch_size": 4,
        "logging_steps": 2,
        "eval_steps": 4,
    }
    return Recipe.model_validate(
        {
            "model": {"name_or_path": str(base)},
            "lora": {"r": 4, "lora_alpha": 20, "lora_dropout": 0.1} | sections.get("lora", {}),
            "data": {"max_seq_len": 64, "system_prompt": "Backwards."},
            "training": training | sections.get("training", {}),
        }
    )


def test_paddleformers_trainer_does_what_its_command_line_drops(tmp_path: Path) -> None:
    base = paddleformers_model(tmp_path / "base")
    stops = {"early_stopping_patience": 2, "early_stopping_threshold": 50.0}
    metrics: list[Metric] = []
    recipe = tiny_recipe(base, training=stops, lora={"target_modules": ["o_proj", "down_proj"]})
    unlearnt = Example(
        (
            Message("user", "say eta"),
            Message("assistant", "wrong", trained=False),
            Message("user", "again"),
            Message("assistant", "ate"),
        )
    )
    result = train_upstream(
        recipe, Kind.TEXT, [*EXAMPLES[:4], unlearnt], EXAMPLES[4:], tmp_path / "run",
        metrics.append, lambda done, total: None,
    )  # fmt: skip
    assert (result.steps, result.stopped_early) == (12, True)
    losses = [metric.loss for metric in metrics if metric.loss is not None]
    assert losses[-1] < losses[0]
    assert [m.step for m in metrics if m.eval_loss is not None] == [4, 8, 12]
    config = json.loads((result.model / "lora_config.json").read_text())
    assert (config["lora_alpha"], config["lora_dropout"], config["r"]) == (20, 0.1, 4)
    rows = [json.loads(line) for line in (tmp_path / "run/upstream/train.jsonl").open()]
    assert rows[0]["messages"][0] == {"role": "system", "content": "Backwards."}
    assert rows[-1]["label"] == [0, 1]
    assert {file.suffix for file in result.model.iterdir()} == {".json", ".safetensors"}
    adapter = read_adapter(result.model, base)
    assert {path.rpartition(".")[2] for path in adapter.updates} == {"o_proj", "down_proj"}
    assert all(abs(update.b).max() > 0.01 for update in adapter.updates.values())
    (answer,) = get_engine().load(tmp_path / "run").generate(["say alpha"], 5)
    assert answer.new_tokens > 0


def test_a_trainer_that_fails_says_why(tmp_path: Path) -> None:
    base = paddleformers_model(tmp_path / "base")
    (base / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(UnusableInput, match=r"(?s)exit code 1.*its log: .*log\.txt"):
        train_upstream(
            tiny_recipe(base), Kind.TEXT, EXAMPLES, [], tmp_path / "run",
            lambda metric: None, lambda done, total: None,
        )  # fmt: skip


def test_a_workflow_that_asks_for_no_lora_is_stopped(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path)
    made = upstream_worker.trainer(object, recipe, [], tmp_path)
    with pytest.raises(RuntimeError, match="did not ask for a LoRAConfig"):
        made()


def erniekit(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "erniekit_finetuning.erniekit_cli", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def rows_file(folder: Path) -> Path:
    file = folder / "rows.jsonl"
    rows = [{"src": [f"say {word}"], "tgt": [word[::-1]]} for word in WORDS]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_erniekit_train_trains_a_recipe_in_both_grammars(tmp_path: Path) -> None:
    base = build_tiny_model(tmp_path / "base")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        f"model:\n  name_or_path: {base}\ntraining:\n  max_steps: 2\ndata:\n  max_seq_len: 64\n"
    )
    data = str(rows_file(tmp_path))
    first = erniekit(
        "train", "--config", str(recipe), "--dataset", data, "--output-dir", str(tmp_path / "a")
    )
    assert first.returncode == 0, first.stderr
    second = erniekit(
        "train", str(recipe), f"dataset={data}", f"output_dir={tmp_path / 'b'}",
        "training.max_steps=3",
    )  # fmt: skip
    assert second.returncode == 0, second.stderr
    steps = [json.loads((tmp_path / n / "run.json").read_text())["result"]["steps"] for n in "ab"]
    assert steps == [2, 3]


def test_erniekit_train_hands_its_own_files_to_paddleformers(tmp_path: Path) -> None:
    base = paddleformers_model(tmp_path / "base")
    native = {
        "stage": "SFT", "fine_tuning": "LoRA", "lora_rank": 4, "model_name_or_path": str(base),
        "train_dataset_type": "erniekit", "train_dataset_path": str(rows_file(tmp_path)),
        "train_dataset_prob": "1.0", "max_seq_len": 64, "output_dir": str(tmp_path / "out"),
        "do_train": True, "max_steps": 1, "batch_size": 4, "logging_steps": 1, "device": "cpu",
        "fp16_opt_level": "O1", "fuse_rms_norm": False, "use_flash_attention": False,
        "unified_checkpoint": True, "tensor_parallel_degree": 1,
    }  # fmt: skip
    file = tmp_path / "native.yaml"
    file.write_text(yaml.safe_dump(native))
    done = erniekit("train", str(file), "max_steps=2")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "PaddleFormers trains it" in done.stderr
    assert "batch_size becomes per_device_train_batch_size" in done.stderr
    assert json.loads((tmp_path / "out" / "trainer_state.json").read_text())["global_step"] == 2
    file.write_text(yaml.safe_dump(native | {"lora_rnk": 4}))
    refused = erniekit("train", "--config", str(file))
    assert refused.returncode == 2
    assert "lora_rnk: unknown key; did you mean lora_rank?" in refused.stderr


def test_recipe_show_prints_the_translation() -> None:
    command = [sys.executable, "-m", "erniekit_finetuning.cli", "recipe", "show"]
    config = str(ROOT / "configs" / "ernie-4.5-tiny" / "invoice.yaml")

    def show(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, config, *more], capture_output=True, text=True, check=False
        )

    assert yaml.safe_load(show().stdout)["lora"]["r"] == 16
    assert yaml.safe_load(show("--engine", "paddle").stdout)["lora_rank"] == 16
    hf = yaml.safe_load(show("--engine", "hf", "lora.r=3").stdout)
    assert (hf["LoraConfig"]["r"], hf["SFTConfig"]["max_length"]) == (3, 2048)
    refused = show("--engine", "erniekit", "lora.lora_alpha=5")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "lora.lora_alpha" in refused.stderr

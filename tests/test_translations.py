"""One recipe in each engine's words: accepted by the real parsers, and nothing left out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.recipes.architecture import Architecture, architecture_of
from erniekit_finetuning.recipes.loading import load_recipe
from erniekit_finetuning.recipes.model import Recipe
from erniekit_finetuning.recipes.models import HUB_NAMES
from erniekit_finetuning.recipes.translation.engines import TRANSLATIONS
from erniekit_finetuning.recipes.translation.erniekit_keys import (
    erniekit_keys,
    source_checkout_keys,
)
from erniekit_finetuning.recipes.translation.paddleformers_limits import target_patterns
from erniekit_finetuning.recipes.translation.shared import likely_device, placeholder_files

ROOT = Path(__file__).parent.parent
CONFIGS = sorted((ROOT / "configs").glob("*/invoice.yaml"))
KEYS = ROOT / "erniekit_finetuning" / "recipes" / "translation" / "paddleformers_keys.json"
# Reads settings from a file, one a line, as PaddleFormers' own command line does.
PARSE = """
import dataclasses, json, sys
from paddleformers.cli.hparams import get_train_args
from paddleformers.cli.hparams.parser import _TRAIN_ARGS
for line in open(sys.argv[1]):
    read = get_train_args(json.loads(line))
    names = ("lora_rank", "learning_rate", "max_steps", "max_seq_len", "compute_type", "stage")
    found = {n: getattr(a, n) for a in read for n in names if hasattr(a, n)}
    print("READ" + json.dumps(found))
keys = {f.name for kind in _TRAIN_ARGS for f in dataclasses.fields(kind) if f.init}
print("KEYS" + json.dumps(sorted(keys)))
"""


def settings_of(recipe: Recipe, engine: str) -> dict[str, Any]:
    kind = architecture_of(recipe.model.name_or_path)
    files = placeholder_files(recipe)
    return TRANSLATIONS[engine].settings(recipe, kind, files, likely_device(recipe))


def fields_refused(engine: str, config: str, *overrides: str, device: str = "gpu") -> set[str]:
    recipe = load_recipe(ROOT / "configs" / config / "invoice.yaml", overrides)
    kind = architecture_of(recipe.model.name_or_path)
    problems = TRANSLATIONS[engine].problems(recipe, kind, device)  # type: ignore[arg-type]
    assert all(problem.cure for problem in problems)
    return {problem.field or "" for problem in problems}


def test_paddleformers_reads_every_shipped_recipe(tmp_path: Path) -> None:
    recipes = [load_recipe(path) for path in CONFIGS]
    kinds = {architecture_of(recipe.model.name_or_path) for recipe in recipes}
    assert kinds == {kind for kind in Architecture if kind.is_paddles}
    settings = [settings_of(recipe, "paddle") for recipe in recipes]
    lines = tmp_path / "settings.jsonl"
    lines.write_text("".join(json.dumps(one) + "\n" for one in settings), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", PARSE, str(lines)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    read = [json.loads(line[4:]) for line in done.stdout.splitlines() if line.startswith("READ")]
    for recipe, found in zip(recipes, read, strict=True):
        assert found["lora_rank"] == recipe.lora.r
        assert found["learning_rate"] == recipe.training.learning_rate
        assert found["max_seq_len"] == recipe.data.max_seq_len
    (keys,) = (line[4:] for line in done.stdout.splitlines() if line.startswith("KEYS"))
    assert json.loads(keys) == json.loads(KEYS.read_text(encoding="utf-8"))["paddleformers 1.2.0"]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.parent.name)
def test_erniekit_knows_every_key(path: Path) -> None:
    recipe = load_recipe(path)
    text_alone = architecture_of(recipe.model.name_or_path) in (
        Architecture.DENSE,
        Architecture.MOE,
    )
    known = erniekit_keys() if text_alone else source_checkout_keys()
    assert settings_of(recipe, "erniekit").keys() <= known


@pytest.mark.parametrize(
    ("config", "engine", "refused"),
    [
        ("ernie-4.5-tiny", "paddle", set()),
        ("ernie-4.5-tiny", "hf", set()),
        ("ernie-4.5-tiny", "erniekit", {"training.precision", "data.packing"}),
        ("ernie-4.5-0.3b", "paddle", set()),
        ("ernie-4.5-0.3b", "hf", set()),
        ("ernie-4.5-0.3b", "erniekit", {"training.early_stopping_patience"}),
        ("ernie-4.5-21b-a3b", "paddle", set()),
        ("ernie-4.5-21b-a3b", "hf", {"model.quantization", "lora.target_modules"}),
        ("ernie-4.5-21b-a3b", "erniekit", {"training.early_stopping_patience"}),
        ("ernie-4.5-vl-28b-a3b", "paddle", set()),
        ("ernie-4.5-vl-28b-a3b", "hf", {"parallel.tensor", "parallel.pipeline"}),
        ("ernie-4.5-vl-28b-a3b", "erniekit", {"training.early_stopping_patience"}),
        ("paddleocr-vl-0.9b", "paddle", set()),
        ("paddleocr-vl-0.9b", "hf", set()),
        (
            "paddleocr-vl-0.9b",
            "erniekit",
            {"model.name_or_path", "training.early_stopping_patience"},
        ),
    ],
)
def test_which_engine_can_run_a_shipped_recipe(config: str, engine: str, refused: set[str]) -> None:
    assert fields_refused(engine, config) == refused


@pytest.mark.parametrize(
    ("engine", "override", "field"),
    [
        ("paddle", "model.quantization=4bit", "model.quantization"),
        ("paddle", "training.optim=adamw_8bit", "training.optim"),
        ("paddle", "training.precision=float32", "training.precision"),
        ("launched", "training.num_train_epochs=1.5", "training.num_train_epochs"),
        ("launched", "lora.target_modules=[q_proj]", "lora.target_modules"),
        ("launched", "lora.modules_to_save=[norm]", "lora.modules_to_save"),
        ("launched", "lora.bias=all", "lora.bias"),
        ("launched", "lora.enabled=false", "lora.enabled"),
        ("launched", "data.train_on_responses_only=false", "data.train_on_responses_only"),
        ("launched", "data.chat_template=t.jinja", "data.chat_template"),
        ("paddle", "parallel.sharding=stage1", "parallel.sharding"),
        ("paddle", "parallel.expert=2", "parallel.expert"),
        ("hf", "model.quantization=wint8", "model.quantization"),
        ("hf", "parallel.tensor=2", "parallel.tensor"),
        ("hf", "parallel.sharding=stage2", "parallel.sharding"),
        ("erniekit", "lora.lora_dropout=0.1", "lora.lora_dropout"),
        ("erniekit", "lora.target_modules=[o_proj]", "lora.target_modules"),
        ("erniekit", "training.save_steps=60", "training.save_steps"),
        ("erniekit", "parallel.expert=2", "parallel.expert"),
    ],
)
def test_what_an_engine_cannot_do_is_a_problem(engine: str, override: str, field: str) -> None:
    # Two parts of each matrix are for upstream's trainer; the paddle engine's loop does the rest.
    more = ("parallel.tensor=2",) if engine == "launched" else ()
    engine = "paddle" if engine == "launched" else engine
    before = fields_refused(engine, "ernie-4.5-0.3b", *more)
    assert fields_refused(engine, "ernie-4.5-0.3b", *more, override) - before == {field}


def test_the_paddle_engines_own_loop_does_more_than_upstream() -> None:
    for override in ("lora.bias=all", "training.num_train_epochs=1.5", "lora.enabled=false"):
        assert fields_refused("paddle", "ernie-4.5-0.3b", override) == set()


def test_what_needs_a_gpu() -> None:
    refused = fields_refused("paddle", "ernie-4.5-0.3b", device="cpu")
    assert refused == {"model.dtype"}
    refused = fields_refused("paddle", "ernie-4.5-vl-28b-a3b", device="cpu")
    assert refused == {"model.dtype", "model.name_or_path", "parallel"}
    refused = fields_refused("paddle", "ernie-4.5-vl-28b-a3b", "parallel.pipeline=1")
    assert refused == {"parallel.pipeline"}


@pytest.mark.parametrize("engine", ["paddle", "erniekit"])
def test_precision_is_told_apart_from_what_weights_are_kept_in(engine: str) -> None:
    config = ROOT / "configs" / "ernie-4.5-0.3b" / "invoice.yaml"
    whole = settings_of(load_recipe(config), engine)
    mixed = settings_of(load_recipe(config, ["model.dtype=float32", MIXED]), engine)
    assert (whole["compute_type"], whole["fp16_opt_level"]) == ("bf16", "O2")
    assert (mixed["compute_type"], mixed["fp16_opt_level"]) == ("bf16", "O1")


MIXED = "training.precision=bfloat16"


def test_targets_leave_the_vision_tower_alone() -> None:
    import re

    recipe = load_recipe(ROOT / "configs" / "paddleocr-vl-0.9b" / "invoice.yaml")
    patterns = target_patterns(recipe, Architecture.PADDLEOCR_VL)

    def hit(path: str) -> bool:
        return any(re.fullmatch(pattern, path) for pattern in patterns)

    assert hit("model.layers.0.self_attn.q_proj")
    assert not hit("visual.vision_model.encoder.layers.0.self_attn.q_proj")
    dense = target_patterns(recipe, Architecture.DENSE)
    assert any(re.fullmatch(pattern, "model.layers.1.mlp.up_gate_proj") for pattern in dense)


def test_every_published_name_has_a_kind(tmp_path: Path) -> None:
    kinds = {name: architecture_of(name) for name in HUB_NAMES}
    assert kinds["baidu/ERNIE-4.5-0.3B-Base-PT"] is Architecture.DENSE
    assert kinds["baidu/ERNIE-4.5-21B-A3B-Thinking"] is Architecture.MOE
    assert kinds["baidu/ERNIE-4.5-VL-424B-A47B-Paddle"] is Architecture.VISION_MOE
    assert kinds["PaddlePaddle/PaddleOCR-VL"] is Architecture.PADDLEOCR_VL
    assert architecture_of("google/gemma-2b") is Architecture.GEMMA
    assert architecture_of("meta-llama/Llama-3.2-3B-Instruct") is Architecture.LLAMA
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}', encoding="utf-8")
    with pytest.raises(UnusableInput, match=r"model_type.*found gpt2"):
        architecture_of(str(tmp_path))
    for config, kind in (
        ({"model_type": "ernie4_5_moe_vl"}, Architecture.VISION_MOE),
        ({"architectures": ["Ernie4_5_ForCausalLM"]}, Architecture.DENSE),
        (
            {"architectures": ["Ernie4_5_MoeForCausalLM"], "moe_num_experts": 64},
            Architecture.MOE,
        ),
    ):
        (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
        assert architecture_of(str(tmp_path)) is kind


def show(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "erniekit_finetuning.cli", "recipe", "show", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_recipe_show() -> None:
    config = "configs/ernie-4.5-0.3b/invoice.yaml"
    resolved = show(config, "lora.r=8")
    assert resolved.returncode == 0
    assert yaml.safe_load(resolved.stdout)["lora"]["r"] == 8
    told = show(config, "--engine", "paddle", "lora.lora_dropout=0.1")
    assert told.returncode == 0
    assert yaml.safe_load(told.stdout)["lora_rank"] == 32
    assert "paddleformers-cli alone would drop lora.lora_dropout: 0.1" in told.stderr
    refused = show(config, "--engine", "hf", "parallel.tensor=2")
    assert refused.returncode == 2
    assert yaml.safe_load(refused.stdout)["LoraConfig"]["r"] == 32
    assert "error: parallel.tensor: the hf engine cannot do this" in refused.stderr

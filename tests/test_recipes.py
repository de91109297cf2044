"""Recipes: what ships loads, and what is wrong is said at once, with its place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.recipes import load_recipe
from erniekit_finetuning.recipes.loading import dump_recipe
from erniekit_finetuning.recipes.models import check_name, resolve_model

CONFIGS = Path(__file__).parent.parent / "configs"
TINY = CONFIGS / "ernie-4.5-tiny" / "invoice.yaml"
SMALLEST = "model:\n  name_or_path: ernie-4.5-tiny\ntraining:\n  max_steps: 1\n"


def problems(tmp_path: Path, text: str, overrides: tuple[str, ...] = ()) -> list[str]:
    file = tmp_path / "r.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UnusableInput) as caught:
        load_recipe(file, overrides)
    return [str(problem).replace(str(file), "r.yaml") for problem in caught.value.problems]


CHATS = ("lora_chat.yaml", "qlora_instruction.yaml", "qlora_chat.yaml")
SHIPPED = sorted(
    [
        *CONFIGS.glob("*/invoice*.yaml"),
        *(path for name in CHATS for path in CONFIGS.glob(f"*/{name}")),
    ]
)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_shipped_recipes_load_and_survive_a_round_trip(path: Path, tmp_path: Path) -> None:
    recipe = load_recipe(path)
    (tmp_path / "again.yaml").write_text(dump_recipe(recipe), encoding="utf-8")
    assert load_recipe(tmp_path / "again.yaml") == recipe


def test_defaults_are_filled_in(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(SMALLEST, encoding="utf-8")
    recipe = load_recipe(tmp_path / "r.yaml")
    assert recipe.lora.r == 16
    assert len(recipe.lora.target_modules) == 7


def test_exponents_are_numbers_in_files_and_overrides() -> None:
    recipe = load_recipe(TINY, ["training.learning_rate=5e-4", "lora.target_modules=[o_proj]"])
    assert recipe.training.learning_rate == 5e-4
    assert recipe.lora.target_modules == ("o_proj",)


def test_syntax_error_names_its_line(tmp_path: Path) -> None:
    (said,) = problems(tmp_path, "model:\n  name_or_path: [unclosed\nlora:\n")
    assert said.startswith("r.yaml:3: not YAML")


def test_unknown_keys_come_with_a_suggestion(tmp_path: Path) -> None:
    text = SMALLEST + "  learning_rat: 1.0\nlora:\n  rank: 4\n  warmup_step: 3\n"
    said = problems(tmp_path, text)
    assert any("r.yaml:5: training.learning_rat" in p and "learning_rate?" in p for p in said)
    assert any("lora.rank" in p and "r, lora_alpha" in p for p in said)
    assert any("lora.warmup_step" in p and "training.warmup_steps?" in p for p in said)


def test_every_fault_is_reported_at_once(tmp_path: Path) -> None:
    text = (
        "model: {}\nlora:\n  r: sixteen\n  lora_alpha: true\n  target_modules: [7]\n"
        "training:\n  max_steps: 0\n  lr_scheduler_type: quadratic\nengine: jax\n"
    )
    said = "\n".join(problems(tmp_path, text))
    for field in ("model.name_or_path", "lora.r", "lora.lora_alpha", "lora.target_modules.0"):
        assert field in said
    for field in ("training.max_steps", "training.lr_scheduler_type", "engine"):
        assert field in said
    assert "found 'sixteen'" in said
    assert "r.yaml:3: lora.r" in said


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("  num_train_epochs: 2\n", "exactly one of num_train_epochs and max_steps"),
        ("  warmup_steps: 2\n  warmup_ratio: 0.1\n", "at most one of warmup_steps"),
        ("  max_steps: 2\n", "written twice, first in line 4"),
    ],
)
def test_contradictions(tmp_path: Path, lines: str, expected: str) -> None:
    assert expected in "\n".join(problems(tmp_path, SMALLEST + lines))


def test_bad_overrides_are_told_apart_from_the_file(tmp_path: Path) -> None:
    said = problems(tmp_path, SMALLEST, ("lora.r=big", "training", "lora.alpha=3"))
    assert any(p.startswith("override: lora.r") for p in said)
    assert any("section.key=value" in p for p in said)
    assert any(p.startswith("override: lora.alpha") and "lora_alpha?" in p for p in said)


@pytest.mark.parametrize("text", ["", "- a\n", "just words\n"])
def test_a_file_that_is_no_mapping(tmp_path: Path, text: str) -> None:
    assert "not a recipe" in problems(tmp_path, text)[0]


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="cannot be read"):
        load_recipe(tmp_path / "none.yaml")


def test_a_model_that_does_not_exist_names_those_that_do() -> None:
    with pytest.raises(UnusableInput, match=r"no such model.*ERNIE-4\.5-0\.3B-PT"):
        resolve_model("baidu/ERNIE-4.5-8B")
    with pytest.raises(UnusableInput, match=r"ernie-4\.5-tiny"):
        resolve_model("ernie-4.5-tny")
    check_name("baidu/ERNIE-4.5-0.3B-PT")


def test_unreachable_hub_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code = (
        "from erniekit_finetuning.recipes.models import resolve_model\n"
        "from erniekit_finetuning.errors import UnusableInput\n"
        "try: resolve_model('baidu/ERNIE-4.5-0.3B-PT')\n"
        "except UnusableInput as error: print(error)\n"
    )
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert "cannot be fetched" in said
    assert "name_or_path: FOLDER" in said


def test_model_folders(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match=r"no config\.json"):
        resolve_model(str(tmp_path))
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    assert resolve_model(str(tmp_path)) == tmp_path.resolve()
    with pytest.raises(UnusableInput, match="no revision"):
        resolve_model(str(tmp_path), "main")


def test_importing_recipes_does_not_import_an_engine() -> None:
    code = (
        "import sys, erniekit_finetuning.recipes, erniekit_finetuning.engines.protocol\n"
        "assert not {'paddle', 'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


SOURCES = SMALLEST + (
    "data:\n  validation_file: held.jsonl\n  sources:\n"
    "    - path: a.jsonl\n    - path: /data/b.jsonl\n      max_samples: 5\n"
)


def test_paths_in_a_recipe_start_at_its_folder(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(SOURCES, encoding="utf-8")
    data = load_recipe(tmp_path / "r.yaml").data
    assert [source.path for source in data.sources] == [str(tmp_path / "a.jsonl"), "/data/b.jsonl"]
    assert data.validation_file == str(tmp_path / "held.jsonl")


def test_items_of_a_list_can_be_overridden(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(SOURCES, encoding="utf-8")
    given = ["data.sources.1.path=here.jsonl", "data.sources.0.max_samples=7"]
    sources = load_recipe(tmp_path / "r.yaml", given).data.sources
    # What is typed on a command line starts where it is typed.
    assert (sources[1].path, sources[1].max_samples) == ("here.jsonl", 5)
    assert sources[0].max_samples == 7
    for override, said in (
        ("data.sources.2.path=c.jsonl", "data.sources.2.path: no such item of the list; found 2"),
        ("data.sources.first.path=c", "no such item of the list; found first; expected 0 to 1"),
    ):
        assert said in problems(tmp_path, SOURCES, (override,))[0]


def test_unknown_keys_inside_a_list_come_with_a_suggestion(tmp_path: Path) -> None:
    said = problems(tmp_path, SOURCES + "      probabilty: 1e-1\n      file: c\n")
    assert any("r.yaml:11: data.sources.1.probabilty" in p and "probability?" in p for p in said)
    assert any("data.sources.1.file" in p and "path, probability" in p for p in said)


def test_a_template_that_ships_is_named_and_another_is_a_file(tmp_path: Path) -> None:
    for written, read in (("chatml", "chatml"), ("./chatml", str(tmp_path / "chatml"))):
        (tmp_path / "r.yaml").write_text(f"{SMALLEST}data:\n  chat_template: {written}\n")
        assert load_recipe(tmp_path / "r.yaml").data.chat_template == read


def test_evaluations_and_checkpoints_by_epoch(tmp_path: Path) -> None:
    recipe = load_recipe(TINY, ["training.eval_steps=epoch", "training.save_steps=epoch"])
    assert (recipe.training.eval_steps, recipe.training.save_steps) == ("epoch", "epoch")
    (said,) = problems(tmp_path, SMALLEST + "  eval_steps: 0\n")
    assert "training.eval_steps: give a number of steps, 1 or more, or epoch; found 0" in said


def test_a_source_of_the_hub_is_replaced_by_a_file(tmp_path: Path) -> None:
    text = SMALLEST + "data:\n  sources:\n    - hub: some/where-1.5\n"
    (tmp_path / "r.yaml").write_text(text)
    assert load_recipe(tmp_path / "r.yaml").data.sources[0].place == "some/where-1.5"
    replaced = load_recipe(tmp_path / "r.yaml", ["data.sources.0.path=a.jsonl"])
    assert replaced.data.sources[0].place == "a.jsonl"

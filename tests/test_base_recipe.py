"""What a pre-training says before it starts: parts that are missing, and a model of other sizes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from erniekit_finetuning.base.config import load_pretraining, unprepared
from erniekit_finetuning.base.publish import publish
from erniekit_finetuning.errors import UnusableInput

CONFIGS = Path(__file__).parent.parent / "configs" / "ernie-4.5-tiny"
PARTS = ("drawn", "tokenizer", "held_out_drawn", "held_out_set")


def test_a_run_that_is_not_prepared_ends_with_what_it_lacks(tmp_path: Path) -> None:
    recipe = str(CONFIGS / "pretrain.yaml")
    command = [sys.executable, "-m", "erniekit_finetuning.base.pretrain", "--config", recipe]
    done = subprocess.run(
        [*command, "--output", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    told = done.stderr.splitlines()
    assert [line.split(":")[1].strip() for line in told] == [str(tmp_path / part) for part in PARTS]
    assert all("base.prepare" in line for line in told)


def test_a_model_to_go_on_from_has_the_sizes_of_the_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(CONFIGS.parent.parent)  # the recipe names the model from there
    for part in PARTS:
        (tmp_path / part).mkdir()
    config = load_pretraining(CONFIGS / "further.yaml")
    assert unprepared(config, tmp_path) == []
    sizes = json.loads((config.training.initial / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "config.json").write_text(json.dumps(sizes | {"hidden_size": 1024}))
    other = config.training.model_copy(update={"initial": tmp_path})
    [problem] = unprepared(config.model_copy(update={"training": other}), tmp_path)
    assert (problem.field, problem.found, problem.expected) == ("hidden_size", "1024", "256")
    (tmp_path / "config.json").unlink()
    [problem] = unprepared(config.model_copy(update={"training": other}), tmp_path)
    assert problem.what == "cannot be read"


def test_a_run_without_a_model_is_not_published(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match=r"model: no such folder.*base\.pretrain"):
        publish(tmp_path / "run", tmp_path / "output")
    assert not (tmp_path / "output").exists()


def test_a_mean_is_made_of_models_of_the_same_sizes(tmp_path: Path) -> None:
    """Regression: other sizes ended with torch's traceback."""
    run, output = tmp_path / "run", tmp_path / "output"
    for folder in (run / "model", output):
        folder.mkdir(parents=True)
    (output / "model.safetensors").touch()
    sizes = load_pretraining(CONFIGS / "further.yaml").model.model_dump()
    (run / "model" / "config.json").write_text(json.dumps(sizes))
    (output / "config.json").write_text(json.dumps(sizes | {"num_hidden_layers": 5}))
    with pytest.raises(UnusableInput, match=r"num_hidden_layers.*5.*8"):
        publish(run, output, share=0.5)

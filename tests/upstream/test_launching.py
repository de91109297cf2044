"""PaddleFormers' trainer, launched with all that a recipe says, on a CPU."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tiny_model import build_tiny_model

from erniekit_finetuning.adapters.formats import read_adapter
from erniekit_finetuning.engines.locating import Source
from erniekit_finetuning.engines.paddle.adapter_files import attach_adapter
from erniekit_finetuning.engines.paddle.engine import logits
from erniekit_finetuning.engines.paddle.launching import (
    Launched,
    launch,
    launch_command,
    row_of,
)
from erniekit_finetuning.engines.paddle.loading import load_base, load_tokenizer
from erniekit_finetuning.engines.protocol import Example, Message, Metric
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.recipes.architecture import Architecture
from erniekit_finetuning.recipes.loading import load_recipe
from erniekit_finetuning.recipes.model import Recipe
from erniekit_finetuning.recipes.translation.paddleformers_limits import needs_upstream
from upstream.running import installed

pytestmark = pytest.mark.skipif(
    not installed("paddleformers").startswith("1.2."), reason="needs PaddleFormers 1.2: make test"
)
EXAMPLES = [
    Example.ask(f"Read {number}.", f'{{"total": "{number}.00"}}', str(number))
    for number in range(12)
]
RECIPE = """
lora: {r: 4, lora_alpha: 20, lora_dropout: 0.1, target_modules: [q_proj, k_proj, v_proj, o_proj]}
data: {max_seq_len: 128}
training:
  max_steps: 9
  learning_rate: 2e-2
  per_device_train_batch_size: 4
  logging_steps: 1
  eval_steps: 3
  save_steps: 3
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


def recipe_for(model: Path, folder: Path, *overrides: str) -> Recipe:
    file = folder / "recipe.yaml"
    file.write_text(f"model: {{name_or_path: {model}}}\n{RECIPE}", encoding="utf-8")
    return load_recipe(file, overrides)


def launched(
    model: Path, folder: Path, *overrides: str, train: Sequence[Example] = EXAMPLES
) -> tuple[Launched, list[Metric]]:
    metrics: list[Metric] = []
    recipe = recipe_for(model, folder, *overrides)
    run = folder / "run"
    done = launch(
        recipe, model, train, EXAMPLES[:3], run, metrics.append, lambda done, total: None, "cpu"
    )
    return done, metrics


def test_upstream_trains_with_all_that_the_recipe_says(model: Path, tmp_path: Path) -> None:
    done, metrics = launched(model, tmp_path)
    losses = [metric.loss for metric in metrics if metric.loss is not None]
    judged = {metric.step: metric.eval_loss for metric in metrics if metric.eval_loss is not None}
    assert len(losses) == done.steps == 9
    assert losses[-1] < losses[0] - 1
    assert judged.keys() == {3, 6, 9}
    assert done.eval_loss == min(judged.values())
    assert judged[done.best_step] == done.eval_loss
    assert not done.stopped_early
    assert done.adapter == tmp_path / "run" / "adapter"
    config = json.loads((done.adapter / "lora_config.json").read_text(encoding="utf-8"))
    assert (config["r"], config["lora_alpha"], config["lora_dropout"]) == (4, 20, 0.1)
    assert config["scaling"] == 5.0
    adapter = read_adapter(done.adapter, model)
    assert {path.rpartition(".")[2] for path in adapter.updates} == {
        *("q_proj", "k_proj", "v_proj", "o_proj")
    }
    # Nothing pickled stays, and no copy of the whole model.
    kept = {file.suffix for file in (tmp_path / "run").rglob("*") if file.is_file()}
    assert kept <= {".json", ".jsonl", ".yaml", ".txt", ".safetensors"}


def test_the_kept_weights_are_the_judged_ones(model: Path, tmp_path: Path) -> None:
    """The best adapter in our own engine has the validation loss that upstream told of it."""
    done, _ = launched(model, tmp_path, "training.max_steps=3")
    assert done.adapter is not None
    network = load_base(model, "float32")
    attach_adapter(network, Source(model, done.adapter))
    tokenizer = load_tokenizer(model)
    losses: list[float] = []
    for example in EXAMPLES[:3]:
        prompt, answer = (message.content for message in example.messages)
        asked = tokenizer.encode(f"User: {prompt}\nAssistant: ", add_special_tokens=False)
        # Upstream puts an end token behind the template's own, and learns both.
        said = tokenizer.encode(f"{answer}</s></s>", add_special_tokens=False)
        rows = logits(network, [*asked, *said])[len(asked) - 1 : -1]
        for row, token in zip(rows, said, strict=True):
            losses.append(float(np.log(np.exp(row - row.max()).sum()) + row.max() - row[token]))
    assert np.mean(losses) == pytest.approx(done.eval_loss, abs=1e-4)


def test_training_stops_early(model: Path, tmp_path: Path) -> None:
    still = ("training.learning_rate=1e-9", "training.max_steps=60")
    patience = ("training.early_stopping_patience=2", "training.early_stopping_threshold=0.1")
    done, metrics = launched(model, tmp_path, *still, *patience)
    assert done.stopped_early
    assert done.steps == 9  # the first judgement, and two that did not lower it
    assert [metric.step for metric in metrics if metric.eval_loss is not None] == [3, 6, 9]


def test_a_row_that_upstream_leaves_out_ends_the_training(model: Path, tmp_path: Path) -> None:
    long = Example.ask("Read.", "x" * 200, "long")
    with pytest.raises(UnusableInput, match=r"would leave out a row.*\[SKIP\]"):
        launched(model, tmp_path, train=[*EXAMPLES, long])


def test_silence_ends_the_training(model: Path, tmp_path: Path) -> None:
    recipe = recipe_for(model, tmp_path)
    with pytest.raises(UnusableInput, match=r"said nothing for 0\.01 s"):
        launch(
            recipe, model, EXAMPLES, [], tmp_path / "run",
            lambda metric: None, lambda done, total: None, "cpu", silence=0.01,
        )  # fmt: skip


def test_what_upstream_cannot_do_is_said_before_anything_starts(
    model: Path, tmp_path: Path
) -> None:
    with pytest.raises(UnusableInput) as caught:
        launched(model, tmp_path, "parallel.tensor=2", "lora.bias=all")
    assert {problem.field for problem in caught.value.problems} == {"parallel", "lora.bias"}
    assert not (tmp_path / "run").exists()


def test_a_killed_training_goes_on_and_leaves_no_process(model: Path, tmp_path: Path) -> None:
    recipe_for(model, tmp_path)
    code = (
        "import sys; sys.path[:0] = sys.argv[3:]\n"
        "from pathlib import Path\n"
        "from upstream.test_launching import launched\n"
        "done, metrics = launched(Path(sys.argv[1]), Path(sys.argv[2]),"
        " 'training.max_steps=4000', 'training.save_steps=5', 'training.eval_steps=4000')\n"
    )
    tests = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-c", code, str(model), str(tmp_path), str(tests)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    progress = tmp_path / "run" / "upstream" / "progress.jsonl"
    output = progress.parent / "output"
    deadline = time.monotonic() + 60
    while not list(output.glob("checkpoint-*/scheduler.pdparams")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(4)  # the worker looks for its owner every two seconds
    size = progress.stat().st_size
    time.sleep(1)
    assert progress.stat().st_size == size
    whole = output.glob("checkpoint-*/scheduler.pdparams")
    reached = max(int(file.parent.name.split("-")[1]) for file in whole)
    torn = output / f"checkpoint-{reached + 1000}"  # as a kill in the middle of saving leaves it
    torn.mkdir()
    (torn / "trainer_state.bin").touch()
    more = (f"training.max_steps={reached + 6}", "training.save_steps=5")
    done, metrics = launched(model, tmp_path, *more, "training.eval_steps=4000")
    assert done.steps == reached + 6
    first = min(metric.step for metric in metrics)
    assert reached - 5 < first, "it began again"


def test_rows_carry_labels_images_and_the_system_turn() -> None:
    turns = (
        Message("user", "<image>Read."),
        Message("assistant", "wrong", trained=False),
        Message("user", "Again."),
        Message("assistant", "right"),
    )
    row = row_of(Example(turns, images=("/pages/a.png",)), "Be exact.")
    assert row["messages"][0] == {"role": "system", "content": "Be exact."}
    assert row["label"] == [0, 1]
    assert row["images"] == ["/pages/a.png"]
    assert "label" not in row_of(EXAMPLES[0], None)


def test_launch_commands(tmp_path: Path) -> None:
    assert "paddle.distributed.launch" not in launch_command(1, "gpu", tmp_path, {})
    command = launch_command(4, "gpu", tmp_path, {"CUDA_VISIBLE_DEVICES": "4,5,6,7"})
    assert command[command.index("--devices") + 1] == "4,5,6,7"
    nodes = {"NNODES": "2", "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "9000", "RANK": "1"}
    command = launch_command(16, "gpu", tmp_path, nodes)
    assert command[command.index("--devices") + 1] == "0,1,2,3,4,5,6,7"
    assert command[command.index("--master") + 1] == "10.0.0.1:9000"
    assert command[command.index("--rank") + 1] == "1"
    with pytest.raises(UnusableInput, match="do not spread evenly"):
        launch_command(3, "gpu", tmp_path, nodes)
    with pytest.raises(UnusableInput, match="too few devices"):
        launch_command(2, "gpu", tmp_path, {"CUDA_VISIBLE_DEVICES": "0"})


def test_what_goes_to_upstream(model: Path, tmp_path: Path) -> None:
    recipe = recipe_for(model, tmp_path)
    assert not needs_upstream(recipe, Architecture.DENSE)
    assert needs_upstream(recipe, Architecture.MOE)
    assert needs_upstream(recipe_for(model, tmp_path, "parallel.pipeline=2"), Architecture.DENSE)
    assert os.environ.get("ERNIE_INVOICE_OWNER") is None


def test_a_workflow_that_would_not_come_by_is_refused(tmp_path: Path) -> None:
    code = (
        "from paddleformers.cli.train.sft import workflow\n"
        "def run_sft(model_args, data_args, generating_args, finetuning_args): pass\n"
        "workflow.run_sft = run_sft\n"
        "from erniekit_finetuning.engines.paddle.upstream_worker import hook\n"
        "hook({'lora': None})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "runs another workflow than 1.2.0" in done.stderr

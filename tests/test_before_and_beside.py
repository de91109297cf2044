"""What happens before, beside and around a training: mixing, estimates, packs, events, locks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_model import build_tiny_model

from erniekit_finetuning import preflight
from erniekit_finetuning.engines import Example, Metric, training_here
from erniekit_finetuning.engines.events import events
from erniekit_finetuning.engines.lock import alone_in
from erniekit_finetuning.engines.processes import train_apart
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.files import write_jsonl
from erniekit_finetuning.mixing import Split, examples_of, mix
from erniekit_finetuning.model_size import model_size
from erniekit_finetuning.recipes import Recipe
from erniekit_finetuning.recipes.data_section import DataSection
from erniekit_finetuning.training import train

needs_paddle = pytest.mark.skipif(find_spec("paddle") is None, reason="needs paddle")
WORDS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")
EXAMPLES = [Example.ask(f"say {word}", word[::-1], id=word) for word in WORDS]
PACKED_IN_TORCH = """
import json, sys
import numpy, torch
from pathlib import Path
from erniekit_finetuning.engines.batches import pack
from erniekit_finetuning.engines.encoding import Encoded
from erniekit_finetuning.engines.hf import models, runtime, trainable
runtime.import_torch()
model = models.load_base(Path(sys.argv[1]), "float32", attention=runtime.ATTENTION)
rows = [Encoded(tuple(row), ((1, len(row)),)) for row in json.loads(sys.argv[2])]
with torch.no_grad():
    logits = lambda rows: model.lm_head(trainable.hidden_states(model, pack(rows)))[0].numpy()
    together, alone = logits(rows), numpy.concatenate([logits([row]) for row in rows])
    mixed = model(input_ids=torch.tensor([sum((row.tokens for row in rows), ())])).logits[0].numpy()
print(json.dumps([float(abs(together - alone).max()), float(abs(mixed - alone).max())]))
"""


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


def recipe(base: Path, **sections: Any) -> Recipe:
    training = {"max_steps": 3, "learning_rate": 0.01, "logging_steps": 1, "eval_steps": 2}
    return Recipe.model_validate(
        {
            "model": {"name_or_path": str(base)},
            "lora": {"r": 4} | sections.get("lora", {}),
            "data": {"max_seq_len": 64} | sections.get("data", {}),
            "training": training | sections.get("training", {}),
        }
    )


def documents() -> list[list[int]]:
    generator = np.random.default_rng(3)
    return [generator.integers(3, 100, n).tolist() for n in (40, 7, 150)]


@needs_paddle
def test_packed_documents_do_not_see_each_other_in_paddle(base: Path) -> None:
    from erniekit_finetuning.engines.batches import pack
    from erniekit_finetuning.engines.encoding import Encoded
    from erniekit_finetuning.engines.paddle.engine import logits
    from erniekit_finetuning.engines.paddle.loading import load_base
    from erniekit_finetuning.engines.paddle.runtime import import_paddle
    from erniekit_finetuning.engines.paddle.trainable import hidden_states

    paddle, model = import_paddle(), load_base(base, "float32")
    rows = [Encoded(tuple(row), ((1, len(row)),)) for row in documents()]
    with paddle.no_grad():
        together = model.lm_head(hidden_states(model, pack(rows)))[0].numpy()
    alone = np.concatenate([logits(model, row.tokens) for row in rows])
    mixed = logits(model, [token for row in rows for token in row.tokens])
    assert abs(together - alone).max() < 1e-5
    assert abs(mixed - alone).max() > 0.01


@pytest.mark.skipif(find_spec("peft") is None, reason="needs the extra hf")
def test_packed_documents_do_not_see_each_other_in_torch(base: Path) -> None:
    arguments = [sys.executable, "-c", PACKED_IN_TORCH, str(base), json.dumps(documents())]
    told = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout
    apart, mixed = json.loads(told.splitlines()[-1])
    assert apart < 1e-5
    assert mixed > 0.01


def rows_file(file: Path, words: tuple[str, ...]) -> str:
    write_jsonl(file, ({"instruction": f"say {w}", "output": w[::-1]} for w in words))
    return str(file)


def test_sources_are_mixed_and_split(tmp_path: Path) -> None:
    first = rows_file(tmp_path / "a.jsonl", WORDS)
    second = rows_file(tmp_path / "b.jsonl", ("eta", "theta", "alpha"))
    data = DataSection.model_validate(
        {
            "sources": [{"path": first}, {"path": second}],
            "mixing": "interleave_over",
            "validation_share": 0.4,
        }
    )
    split = examples_of(data, None)
    asked = {example.messages[0].content for example in split.train}
    held = {example.messages[0].content for example in split.validation}
    assert len(asked | held) == 8
    assert not asked & held  # "say alpha" stands in both files, and on one side
    with pytest.raises(UnusableInput, match=r"--dataset, or data\.sources"):
        examples_of(data, tmp_path / "a.jsonl")
    with pytest.raises(UnusableInput, match="no examples are named"):
        examples_of(DataSection(), None)
    held_out = DataSection(validation_file=second, validation_share=0.5)
    split = examples_of(held_out, Path(first))
    assert (len(split.train), len(split.validation)) == (6, 3)


def test_probabilities_draw_each_source_as_often_as_they_say() -> None:
    drawn = mix([["a"] * 10, ["b"] * 1000], "probabilities", [0.75, 0.25], 4000, 1)
    assert Counter(drawn)["a"] == pytest.approx(3000, abs=150)
    assert drawn == mix([["a"] * 10, ["b"] * 1000], "probabilities", [0.75, 0.25], 4000, 1)


@given(
    st.lists(st.lists(st.integers(), min_size=1, max_size=9), min_size=1, max_size=4),
    st.one_of(st.none(), st.integers(1, 12)),
)
def test_mixing_keeps_order_and_limits(groups: list[list[int]], limit: int | None) -> None:
    everything = mix(groups, "concat", [], limit, 0)
    assert len(everything) == min(limit or 10**9, sum(map(len, groups)))
    under = mix(groups, "interleave_under", [], None, 0)
    over = mix(groups, "interleave_over", [], None, 0)
    assert len(under) == len(groups) * min(map(len, groups))
    assert len(over) == len(groups) * max(map(len, groups))
    for number, group in enumerate(groups):
        turns = over[number :: len(groups)]
        assert turns[: len(group)] == group


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"mixing": "probabilities"}, "sources with a probability each"),
        (
            {"mixing": "probabilities", "sources": [{"path": "a", "probability": 0.5}]},
            "sum to 0.5, not to 1",
        ),
        ({"sources": [{"path": "a", "probability": 0.5}]}, "mixing: probabilities alone"),
    ],
)
def test_a_mixture_that_does_not_add_up_is_refused(data: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        DataSection.model_validate(data)


def test_the_estimate_counts_what_the_files_hold(base: Path) -> None:
    size = model_size(base)
    assert (size.layers, size.width, size.inner) == (2, 32, 64)
    section = recipe(base, lora={"r": 4, "target_modules": ["o_proj", "down_proj"]}).lora
    assert size.adapters(section) == 2 * 4 * ((32 + 32) + (32 + 64))
    small = preflight.estimate_of(recipe(base), Split(EXAMPLES, []), size)
    large = preflight.estimate_of(
        recipe(base, training={"per_device_train_batch_size": 64}, data={"packing": True}),
        Split(EXAMPLES, []),
        size,
    )
    assert small.trainable == size.adapters(recipe(base).lora)
    assert large.memory_mb > small.memory_mb > preflight.FRAMEWORK_MB
    assert "MB of memory" in str(small)


def test_a_full_disk_and_a_missing_split_are_said_together(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda path: usage)
    stops = recipe(base, training={"early_stopping_patience": 2})
    with pytest.raises(UnusableInput, match=r"no example left to validate[\s\S]*disk has no room"):
        preflight.check_before(stops, Split(EXAMPLES, []), tmp_path)


@needs_paddle
def test_a_run_tells_everything_and_is_followed_in_tensorboard(base: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    told = recipe(
        base, training={"report_to": "tensorboard"}, data={"packing": True, "max_seq_len": 96}
    )
    train(told, Split(EXAMPLES[:4], EXAMPLES[4:]), tmp_path / "run")
    seen = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    seen.Reload()
    assert [event.step for event in seen.Scalars("loss")] == [1, 2, 3]
    assert seen.Scalars("perplexity")[0].value > 1
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    assert run["estimate"]["trainable"] == run["result"]["trainable_parameters"]
    assert (run["result"]["sequences"], run["result"]["train_examples"]) == (2, 4)
    assert 0 < run["result"]["padding_before"] < 0.5
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    metric = json.loads(lines[1])
    assert metric["peak_memory_mb"] > 10
    assert metric["perplexity"] == pytest.approx(np.exp(metric["eval_loss"]))


def test_events_without_tensorboard_are_refused_with_a_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.summary.writer.event_file_writer", None)
    with (
        pytest.raises(UnusableInput, match=r"report_to.*ernie-invoice\[tensorboard\]"),
        events(tmp_path, "tensorboard"),
    ):
        pass
    with events(tmp_path, "none") as tell:
        tell(Metric(1, 0.1))
    assert list(tmp_path.iterdir()) == []


def test_perplexity_is_e_to_the_validation_loss() -> None:
    assert Metric(1, 0.1, eval_loss=0.0).perplexity == 1
    assert Metric(1, 0.1, eval_loss=1.0).perplexity == pytest.approx(2.718281828)
    assert Metric(1, 0.1).perplexity is None


def test_a_folder_belongs_to_one_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from erniekit_finetuning.engines import lock

    monkeypatch.setattr(lock, "PATIENCE", 0.2)
    hold = (
        "import sys, time; from pathlib import Path\n"
        "from erniekit_finetuning.engines.lock import alone_in\n"
        "with alone_in(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)\n"
    )
    other = subprocess.Popen([sys.executable, "-c", hold, str(tmp_path)], stdout=subprocess.PIPE)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with (
            pytest.raises(UnusableInput, match="another training is writing here"),
            alone_in(tmp_path),
        ):
            pass
    finally:
        other.kill()
        other.wait()
    with alone_in(tmp_path):
        pass


@needs_paddle
def test_memory_that_ends_is_said_with_what_to_change(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*unused: Any) -> None:
        raise RuntimeError("ResourceExhaustedError: Out of memory error on GPU 0.")

    monkeypatch.setattr(training_here, "run_training", full)
    with pytest.raises(UnusableInput, match=r"memory ran out.*gradient_checkpointing"):
        train(recipe(base), Split(EXAMPLES, []), tmp_path / "run")
    kill_itself = [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]
    with pytest.raises(UnusableInput, match=r"killed from outside.*it goes on where it was"):
        train_apart(
            recipe(base), EXAMPLES, [], tmp_path / "other", lambda metric: None,
            lambda done, total: None, kill_itself,
        )  # fmt: skip

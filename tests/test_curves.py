"""Pictures and report of a training, from the run folders of both engines."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

pytest.importorskip("paddle", reason="the paddle engine is not installed")

from tiny_model import build_tiny_model

from erniekit_finetuning.cli import app
from erniekit_finetuning.engines.curves import draw_curves
from erniekit_finetuning.engines.protocol import Metric
from erniekit_finetuning.engines.run_report import NOT_TOLD, read_report

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module", params=["paddle", "hf"])
def run(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training of four steps that is judged twice."""
    folder = tmp_path_factory.mktemp("trained")
    base = build_tiny_model(folder / "tiny")
    rows = ({"instruction": f"say {n}", "input": "", "output": str(n)} for n in range(12))
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "recipe.yaml").write_text(
        f"engine: {request.param}\nmodel: {{name_or_path: {base}}}\nlora: {{r: 2}}\n"
        "data: {validation_share: 0.25, max_seq_len: 64}\n"
        "training: {max_steps: 4, learning_rate: 0.01, per_device_train_batch_size: 3,"
        " eval_steps: 2, save_steps: 2, logging_steps: 1}\n"
    )
    words = ["train", "--config", "recipe.yaml", "--dataset", "data.jsonl", "--output-dir", "run"]
    done = subprocess.run(
        [sys.executable, "-m", "erniekit_finetuning.cli", *words], cwd=folder, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
    return folder / "run"


def drawn(*words: object) -> Any:
    return CliRunner().invoke(app, ["curves", *map(str, words)])


def test_both_engines_runs_tell_everything(run: Path, tmp_path: Path) -> None:
    told = drawn(run, "--output", tmp_path)
    assert told.exit_code == 0, told.output
    assert told.stdout == f"{tmp_path / 'training.html'}\n"
    saved = json.loads((run / "run.json").read_text())
    facts = dict(read_report(run).facts())
    assert NOT_TOLD not in facts.values()
    assert facts["engine"] == saved["recipe"]["engine"]
    assert facts["state"] == "finished"
    assert facts["steps"].startswith("4 (")
    assert facts["peak memory"] == f"{saved['result']['peak_memory_mb']:,.0f} MB"
    assert facts["time"] == f"{saved['result']['seconds']:.0f} s"
    best = f"{saved['result']['eval_loss']:.4f} at step {saved['result']['best_step']}"
    assert facts["best validation loss"].startswith(best)
    page = (tmp_path / "training.html").read_text()
    text = (tmp_path / "training.md").read_text()
    for fact in facts.values():
        assert fact in page
    metrics = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for metric in metrics:
        assert f"| {metric['step']} | {metric['epoch']:.2f} | {metric['loss']:.4f} |" in text
    assert "data:image/png;base64," in page
    assert Image.open(tmp_path / "curves.png").size[0] > 900


def test_a_run_that_is_not_finished_tells_what_it_has(run: Path, tmp_path: Path) -> None:
    half = tmp_path / "a|b<i>"
    shutil.copytree(run, half)
    saved = json.loads((half / "run.json").read_text())
    del saved["result"]
    (half / "run.json").write_text(json.dumps(saved | {"state": "running"}))
    assert drawn(half).exit_code == 0
    facts = dict(read_report(half).facts())
    assert facts["state"] == "not finished"
    assert facts["time"] == NOT_TOLD
    assert facts["peak memory"] != NOT_TOLD  # each step tells it
    assert "<i>" not in (half / "training.html").read_text().split("<h1>")[1]
    assert "# Training of a&#124;b&#60;i&#62;" in (half / "training.md").read_text()
    (half / "metrics.jsonl").unlink()
    assert "no step is logged yet" in str(drawn(half).exception)
    assert "has no run.json" in str(drawn(tmp_path).exception)


def test_the_picture_shows_each_curve(tmp_path: Path) -> None:
    """Every number that a run may tell changes it."""
    steps = range(1, 9)
    bare = [Metric(step, step / 4, loss=1 / step) for step in steps]
    seen = set()
    for field in (None, "eval_loss", "learning_rate", "tokens_per_second", "peak_memory_mb"):
        told = [
            Metric(step, step / 4, loss=1 / step, **({field: 2.0 * step} if field else {}))
            for step in steps
        ]
        draw_curves(told, tmp_path / "curves.png")
        seen.add(np.asarray(Image.open(tmp_path / "curves.png")).tobytes())
    draw_curves(bare, tmp_path / "curves.png", "4 steps")
    seen.add(np.asarray(Image.open(tmp_path / "curves.png")).tobytes())
    assert len(seen) == 6

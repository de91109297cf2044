"""The whole loop, small: the demo from nothing to a report, killed on the way, run again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

COMMAND = (sys.executable, "-m", "erniekit_finetuning.cli")
SMALL = (
    *("demo", "--train", "24", "--test", "3"),
    *("training.max_steps=6", "training.save_steps=2", "training.eval_steps=3"),
)
SCHEMA = Path(__file__).parents[1] / "configs/schemas/house.schema.json"
TRAIN = ("train", "--config", "configs/ernie-4.5-tiny/invoice.yaml")


def invoice(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, cwd=cwd, timeout=400
    )


def test_the_demo_completes_after_being_killed_and_reuses_what_is_there(
    tmp_path: Path, browser_if_any: Any
) -> None:
    folder = tmp_path / "demo"
    command = [*COMMAND, *SMALL, "--output", str(folder)]
    for until in (folder / "train.jsonl", folder / "run" / "metrics.jsonl", folder / "base"):
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        _wait_for(until, process)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    done = invoice(*SMALL, "--output", str(folder))
    assert done.returncode == 0, done.stderr
    assert "Field accuracy" in done.stdout
    assert str(folder / "report.html") in done.stdout
    assert (folder / "report.html").stat().st_size > 10_000
    if browser_if_any is not None:
        _look_at(folder / "report.html", browser_if_any)
    run = json.loads((folder / "run" / "run.json").read_text(encoding="utf-8"))
    assert run["result"]["steps"] == 6
    for name in ("base", "tuned"):
        results = json.loads((folder / name / "results.json").read_text(encoding="utf-8"))
        assert results["documents"] == 3
    _is_the_teams_own(folder)
    adapter = folder / "run" / "adapter"
    before = {path.name: path.stat().st_mtime_ns for path in adapter.iterdir()}
    again = invoice(*SMALL, "--output", str(folder))
    assert again.returncode == 0, again.stderr
    assert {path.name: path.stat().st_mtime_ns for path in adapter.iterdir()} == before


def _is_the_teams_own(folder: Path) -> None:
    """Both models were asked and held alike, and one invoice was read by the run's own schema."""
    adapter = folder / "run" / "adapter"
    assert (adapter / "schema.json").read_text() == SCHEMA.read_text(encoding="utf-8")
    asked = []
    for name in ("base", "tuned"):
        rows = (folder / name / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
        said = [json.loads(row) for row in rows]
        asked.append(
            [(one["prompt_sha256"], one["decoding"], one["bounds_sha256"]) for one in said]
        )
        assert all(one["text"].startswith('{"beleg":{"kennung":') for one in said)
    assert asked[0] == asked[1]
    read = json.loads((folder / "extracted.json").read_text(encoding="utf-8"))
    assert next(iter(read["data"])) == "beleg"
    assert any(field["places"] for field in read["fields"])


def _look_at(report: Path, browser: Any) -> None:
    """The report as a person opens it: verdict first, every page drawn, nothing wrong."""
    page = browser.new_page(viewport={"width": 1240, "height": 900})
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.goto(report.as_uri())
    assert page.locator("h1").inner_text() == "Invoice extraction: tuned against base"
    assert "between tuned and base on 3 documents" in page.locator(".verdict").inner_text()
    images = page.locator("img")
    assert images.count() >= 4  # three documents and the training's curves
    assert images.evaluate_all("all => all.every(one => one.complete && one.naturalWidth > 100)")
    assert page.locator(".box").count() > 10
    assert told == []
    page.close()


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 200
    while not path.exists():
        assert process.poll() is None, "the demo ended too early"
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["extract", "nothing.pdf"], "nothing.pdf"),
        (["extract", "broken.png"], "cannot be read"),
        (["extract", "page.pdf", "--model", "baidu/ERNIE-4.5-8B"], "there is no such model"),
        (["train", "--config", "none.yaml", "--dataset", "d", "--output-dir", "o"], "none.yaml"),
        (["train", "--config", "bad.yaml", "--dataset", "d", "--output-dir", "o"], "did you mean"),
        (
            [*TRAIN, "--dataset", "none.jsonl", "--output-dir", "o"],
            "none.jsonl",
        ),
        (["generate", "--count", "0", "--output", "o"], "count"),
        (["generate", "--count", "1", "--output", "o", "--config", "none.yaml"], "none.yaml"),
        (["evaluate", "--model", "nowhere", "--test-data", "none.jsonl", "--output", "o"], "none"),
        (["dance"], "dance"),
    ],
)
def test_mistakes_end_with_2_and_one_clear_message(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n broken")
    (tmp_path / "bad.yaml").write_text("model: {name_or_path: x}\ntraining: {learning_rat: 1}\n")
    (tmp_path / "page.pdf").write_bytes(_page())
    done = invoice(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def _page() -> bytes:
    from synthetic_invoice_generator.config import GeneratorConfig
    from synthetic_invoice_generator.draft import draft
    from synthetic_invoice_generator.looks.rendering import render_pdf

    made = draft(GeneratorConfig(), 1, 0)
    return render_pdf(made.invoice, made.style)

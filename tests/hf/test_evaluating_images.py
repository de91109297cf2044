"""A model that sees pages is evaluated by the pages, not by their text."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from judged import ANSWER
from PIL import Image

from erniekit_finetuning.data.pair import Pair, Turn, compact
from erniekit_finetuning.evaluation.predictions import read_predictions
from erniekit_finetuning.evaluation.result import read_evaluation

pytest.importorskip("torch", reason="needs the extra hf")


def test_pages_are_what_is_asked_about(standin: Callable[[str], Path], tmp_path: Path) -> None:
    turns = (
        Turn(role="human", content="<image>\nRead."),
        Turn(role="assistant", content=compact(ANSWER)),
    )
    rows = []
    for name, shade in (("dark", 20), ("light", 240)):
        Image.new("RGB", (112, 112), (shade, shade, 90)).save(tmp_path / f"{name}.png")
        pair = Pair(id=name, image=f"{name}.png", conversations=turns, text="the same text")
        rows.append(compact(pair.to_json()))
    data = tmp_path / "test.jsonl"
    data.write_text("\n".join(rows) + "\n", encoding="utf-8")
    output = tmp_path / "out"
    ended = subprocess.run(
        [
            sys.executable, "-m", "erniekit_finetuning.evaluate", "--engine", "hf",
            "--model", str(standin("ernie4_5_vl_moe")), "--test-data", str(data),
            "--output", str(output), "--max-new-tokens", "8", "--decoding", "off",
        ],
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert read_evaluation(output / "results.json").table.ids == ["dark", "light"]
    first, second = read_predictions(output / "predictions.jsonl")
    assert first.prompt_sha256 != second.prompt_sha256  # the same words about another page
    assert [token.logprob for token in first.tokens] != [token.logprob for token in second.tokens]
    assert first.prompt_tokens > len("\nRead.")

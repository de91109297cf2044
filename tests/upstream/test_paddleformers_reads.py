"""PaddleFormers 1.2 trains on our formats; what it does with wrong rows is pinned down, too."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from upstream.models import paddleformers_model
from upstream.rows import answers_of, given_or, good_rows, read_rows, turns_of, write_rows
from upstream.running import installed
from upstream.train_paddleformers import ROWS_A_STEP, train_one_step

pytestmark = pytest.mark.skipif(
    not installed("paddleformers").startswith("1.2."), reason="needs PaddleFormers 1.2: make test"
)

READER = "preprocess data error: "
ENCODER = "Error processing example, skipping. Error: "
USER, NO_ANSWER = {"role": "user", "content": "x"}, {"role": "assistant", "content": ""}
# Each wrong row, and how PaddleFormers begins to complain: as it reads a row or as it encodes it.
WRONG: dict[str, list[tuple[Any, str]]] = {
    "messages": [
        ({"src": ["x"], "tgt": ["y"]}, READER + "'messages'"),
        ({"messages": []}, READER + "Ignore example with empty messages."),
        ({"messages": [{"from": "human", "value": "x"}]}, READER + "'role'"),
        ({"messages": [USER | {"role": "human"}, NO_ANSWER]}, ENCODER + "Unexpected role: human"),
        ({"messages": [USER]}, ENCODER + "list index out of range"),
        ({"messages": [USER, NO_ANSWER]}, "[SKIP] The length of encoded assistant tokens is 0"),
        ({"messages": [USER, NO_ANSWER | {"content": {"total": 1}}]}, ENCODER + "'dict' object"),
        (
            {"messages": [USER, USER | {"role": "assistant"}], "images": ["x.png"]},
            ENCODER + "This model does not support image input.",
        ),
    ],
    "erniekit": [
        ({"prompt": "x", "completion": "y"}, READER + "Ignore example with empty messages."),
        ({"src": ["x", "x"], "tgt": ["y"]}, READER + "The length of src & tgt & label must be"),
        ({"src": [], "tgt": []}, READER + "Ignore example with empty src or empty tgt."),
        ({"src": ["x"], "tgt": [" "]}, READER + "Ignore example with empty string"),
        ({"src": ["x"], "tgt": [{"total": 1}]}, READER + "'dict' object has no attribute 'strip'"),
        ({"src": ["x"], "tgt": ["y"], "system": None}, READER + "System field must be a string."),
    ],
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return paddleformers_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.mark.parametrize("kind", ["messages", "erniekit"])
def test_every_row_is_trained_on(kind: str, model: Path, tmp_path: Path) -> None:
    file = given_or("rows.jsonl", kind, tmp_path)
    rows = read_rows(file)
    result = train_one_step(file, kind, model, tmp_path / "run")
    assert result.trained, result.log[-3000:]
    assert (result.samples, result.refusals) == (len(rows), ())
    assert len(result.losses) == math.ceil(len(rows) / ROWS_A_STEP)
    for row in rows:
        turns, answers = turns_of(row, kind), answers_of(row, kind)
        assert any(
            all(turn in whole for turn in turns) and all(answer in trained for answer in answers)
            for whole, trained in result.texts
        ), f"{row} is not among {result.texts}"
        for unwanted in answers_of(row, kind, label=0):
            learnt = any(unwanted in trained for _, trained in result.texts)
            # PaddleFormers 1.2.0 drops the labels of erniekit rows; messages can carry them.
            assert learnt == (kind == "erniekit")


@pytest.mark.parametrize("kind", ["messages", "erniekit"])
def test_wrong_rows_are_skipped_with_a_warning(kind: str, model: Path, tmp_path: Path) -> None:
    good = good_rows(kind)[:2]
    wrong = [row for row, _ in WRONG[kind]]
    file = write_rows(tmp_path / "rows.jsonl", [*wrong, *good])
    result = train_one_step(file, kind, model, tmp_path / "run")
    assert result.trained, result.log[-3000:]
    for row, complaint in WRONG[kind]:
        assert any(said.startswith(complaint) for said in result.refusals), row
    assert len(result.refusals) == len(wrong)
    refused = [said for said in result.refusals if said.startswith(READER)]
    assert result.samples == len(wrong) + len(good) - len(refused)
    assert len(result.texts) == len(good)


@pytest.mark.parametrize(
    ("name", "rows", "complaint"),
    [
        ("rows.jsonl", [{"prompt": "x", "completion": "y"}], "Invalid max_steps: 0."),
        ("rows.json", good_rows("messages"), "JSONL parse error at line 1"),  # an array
    ],
)
def test_a_file_without_a_row_to_read_ends_in_an_error(
    name: str, rows: list[Any], complaint: str, model: Path, tmp_path: Path
) -> None:
    file = write_rows(tmp_path / name, rows)
    result = train_one_step(file, "messages", model, tmp_path / "run")
    assert result.exit_code == 1
    assert not result.trained
    assert complaint in result.log

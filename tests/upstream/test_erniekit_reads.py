"""ERNIEKit 1.0.1 trains on our formats; what it does with wrong rows is pinned down, too."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from upstream.models import erniekit_model
from upstream.rows import answers_of, given_or, good_rows, read_rows, turns_of, write_rows
from upstream.running import installed
from upstream.train_erniekit import train_one_step

pytestmark = pytest.mark.skipif(
    installed("erniekit") != "1.0.1",
    reason="needs ERNIEKit 1.0.1 in its own environment: make test-erniekit",
)

# Each wrong row, and what ERNIEKit says of it.
WRONG: dict[str, list[tuple[Any, str]]] = {
    "erniekit": [
        ({"prompt": "x", "completion": "y"}, "'src'"),
        ({"src": ["x", "x"], "tgt": ["y"]}, "The length of src & tgt & label must be equal."),
        ({"src": [], "tgt": []}, "Ignore example with empty src or empty tgt."),
        ({"src": ["x"], "tgt": [" "]}, "Ignore example with empty string in str / tgt field."),
        ({"src": ["x"], "tgt": [{"total": 1}]}, "'dict' object has no attribute 'strip'"),
        ({"src": ["x"], "tgt": ["y"], "system": None}, "System field must be a string."),
        ({"src": ["x"], "tgt": ["y"], "label": [0]}, "[SKIP] all labels set to 0"),
    ],
    "alpaca": [
        ({"instruction": "x"}, "Ignore example with empty string in str / tgt field."),
        ({"instruction": "x", "output": {"a": 1}}, "'dict' object has no attribute 'strip'"),
    ],
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return erniekit_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("rows.jsonl", "erniekit"), ("rows.json", "alpaca"), ("rows.jsonl", "alpaca")],
)
def test_every_row_is_trained_on(name: str, kind: str, model: Path, tmp_path: Path) -> None:
    file = given_or(name, kind, tmp_path)
    rows = read_rows(file)
    result = train_one_step(file, kind, model, tmp_path / "run")
    assert result.trained, result.log[-3000:]
    assert (result.samples, result.refusals) == (len(rows), ())
    assert len(result.texts) == len(rows)
    for row, (whole, trained) in zip(rows, result.texts, strict=True):
        # It strips every turn.
        assert all(turn.strip() in whole for turn in turns_of(row, kind))
        assert all(answer.strip() in trained for answer in answers_of(row, kind))
        assert not any(answer in trained for answer in answers_of(row, kind, label=0))


@pytest.mark.parametrize("kind", ["erniekit", "alpaca"])
def test_wrong_rows_are_skipped_with_a_warning(kind: str, model: Path, tmp_path: Path) -> None:
    good = good_rows(kind)[:2]
    wrong = [row for row, _ in WRONG[kind]]
    file = write_rows(tmp_path / "rows.jsonl", [*wrong, *good])
    result = train_one_step(file, kind, model, tmp_path / "run")
    assert result.trained, result.log[-3000:]
    for row, complaint in WRONG[kind]:
        assert any(complaint in said for said in result.refusals), row
    assert len(result.refusals) == len(wrong)
    skipped_later = [said for said in result.refusals if said.startswith("[SKIP]")]
    assert result.samples == len(good) + len(skipped_later)
    assert len(result.texts) == len(good)


@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl"])
def test_an_alpaca_row_of_a_wrong_type_loses_all_rows_behind_it(
    name: str, model: Path, tmp_path: Path
) -> None:
    good = good_rows("alpaca")
    file = write_rows(tmp_path / name, [*good[:2], good[2] | {"input": 7}, *good[3:]])
    result = train_one_step(file, "alpaca", model, tmp_path / "run")
    assert result.trained, result.log[-3000:]
    assert (result.samples, len(result.texts)) == (2, 2)
    said = ("Fail to load file:object of type 'int' has no len()",) if name == "rows.json" else ()
    assert result.refusals == said
    assert "read 2 items successfully and 0 failed" in result.log


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("rows.jsonl", [{"prompt": "x", "completion": "y"}]),
        ("rows.json", good_rows("erniekit")),  # an array
    ],
)
def test_an_erniekit_file_without_a_row_to_read_ends_in_an_error(
    name: str, rows: list[Any], model: Path, tmp_path: Path
) -> None:
    file = write_rows(tmp_path / name, rows)
    result = train_one_step(file, "erniekit", model, tmp_path / "run")
    assert (result.exit_code, result.samples, result.texts) == (1, 0, ())
    assert not result.trained
    assert any(said.startswith("Skip") for said in result.refusals)


@pytest.mark.skipif(
    "UPSTREAM_RECIPE" not in os.environ, reason="needs our translation: make test-erniekit"
)
def test_our_translated_recipe_trains_every_row(model: Path, tmp_path: Path) -> None:
    recipe = yaml.safe_load(Path(os.environ["UPSTREAM_RECIPE"]).read_text(encoding="utf-8"))
    file = write_rows(tmp_path / "rows.jsonl", good_rows("erniekit"))
    result = train_one_step(file, "erniekit", model, tmp_path / "run", recipe=recipe)
    assert result.trained, result.log[-3000:]
    assert (len(result.losses), result.refusals) == (1, ())
    written = tmp_path / "run" / "adapter" / "lora_config.json"
    adapter = json.loads(written.read_text(encoding="utf-8"))
    assert (adapter["r"], adapter["lora_alpha"]) == (recipe["lora_rank"], recipe["lora_alpha"])

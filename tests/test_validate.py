"""validate-data: every problem with its place and cure, masks shown, leaks and twins found."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from erniekit_finetuning.data.formats import FORMATS
from erniekit_finetuning.data.near_duplicates import Twins
from erniekit_finetuning.data.pair import Pair, Turn
from erniekit_finetuning.data.statistics import Statistics

ROOT = Path(__file__).resolve().parents[1]
RECIPE = ROOT / "configs" / "ernie-4.5-tiny" / "invoice.yaml"
GOOD = {
    "image": "a.png",
    "conversations": [
        {"role": "human", "content": "<image>\nExtract the invoice as JSON."},
        {"role": "assistant", "content": '{"structured_data":{"payment_terms":"30 days"}}'},
    ],
    "text": "Acme GmbH\tInvoice 7\nPayment\t30 days\nTotal\t11.90",
}


def validate(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "erniekit_finetuning.cli", "validate-data", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def written(folder: Path, *rows: Any, name: str = "train.jsonl") -> Path:
    Image.new("L", (40, 40), 255).save(folder / "a.png")
    file = folder / name
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def said(assistant: str, human: str = "<image>\nWhat?") -> dict[str, Any]:
    turns = [{"role": "human", "content": human}, {"role": "assistant", "content": assistant}]
    return GOOD | {"conversations": turns}


def test_a_good_file_has_no_problem_and_shows_its_numbers(tmp_path: Path) -> None:
    done = validate(str(written(tmp_path, GOOD | {"id": "1"}, GOOD | {"id": "2"})))
    assert (done.returncode, done.stdout) == (0, "")
    for words in ("extraction: 2", "1: 2", "1 pairs of rows", "rows with problems    0"):
        assert words in done.stderr, done.stderr


def test_every_problem_is_listed_with_file_line_field_and_cure(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        GOOD | {"id": "1"},
        "{cut",
        {"messages": []},
        GOOD | {"id": "1", "image": "../b.png"},
        said("<image>", human="<image><image>"),
        said('{"total": 5'),
        said('{"structured_data": {"colour": 1}}'),
        said(" "),
        GOOD | {"colour": 1, "text": 5},
        said("x", human="no tag"),
        GOOD | {"image": "missing.png"},
    )
    done = validate(str(file), "--json")
    assert done.returncode == 1
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(one["file"] == str(file) and one["line"] for one in found)
    by_line: dict[int, str] = {}
    for one in found:
        by_line[one["line"]] = by_line.get(one["line"], "") + f"{one['field']} {one['what']} | "
    assert sorted(by_line) == list(range(2, 12))
    for number, parts in {
        2: ["is not JSON"],
        3: ["another format"],
        4: ["the id stands twice", "leaves its folder"],
        5: ["shows no image", "image tags"],
        6: ["conversations[1].content begins like JSON"],
        7: ["unknown key"],
        8: ["the turn is empty"],
        9: ["colour", "text"],
        10: ["image tags"],
        11: ["no such file"],
    }.items():
        for part in parts:
            assert part in by_line[number], (number, by_line[number])
    assert "rows with problems    10" in done.stderr


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_validated(tmp_path: Path, name: str) -> None:
    row = FORMATS[name].row(Pair.model_validate(GOOD))
    assert validate(str(written(tmp_path, row, row)), "--format", name).returncode == 0
    other = next(one for one in FORMATS if one != name)
    done = validate(str(tmp_path / "train.jsonl"), "--format", other)
    assert done.returncode == 1
    assert f"found {name}; expected {other}" in done.stdout


def test_a_recipe_counts_tokens_and_shows_what_is_trained(tmp_path: Path) -> None:
    long = GOOD | {"text": "Total 1.00 EUR\n" * 900}
    file = written(tmp_path, GOOD, long)
    done = validate(str(file), "--recipe", str(RECIPE), "--show-mask", "1")
    assert done.returncode == 1
    assert "longer than data.max_seq_len" in done.stdout
    assert "raise it to" in done.stdout
    masked, trained = done.stdout.split(" tokens trained:")
    assert " tokens masked:" in masked
    assert "Acme GmbH" in masked
    assert '"30 days"' in trained
    assert "tokens" in done.stderr


def test_a_sample_with_no_trained_token_is_an_error(tmp_path: Path) -> None:
    file = written(tmp_path, GOOD, GOOD | {"text": "x " * 5000})
    done = validate(str(file), "--recipe", str(RECIPE), "--no-twins")
    assert "no token of the sample would be trained" in done.stdout


def test_a_document_in_both_files_is_a_leak(tmp_path: Path) -> None:
    other = "Zeta Ltd invoice 99 for one crane and forty bricks, to be paid by the end of May 2026"
    test = written(tmp_path, GOOD, name="test.jsonl")
    train = written(tmp_path, GOOD | {"text": other}, GOOD)
    done = validate(str(train), "--against", str(test))
    assert done.returncode == 1
    assert f"{train}:2" in done.stdout
    assert "in the test data, too" in done.stdout
    assert f"{train}:1" not in done.stdout


def test_twins_are_found_and_strangers_are_not() -> None:
    def pair(text: str) -> Pair:
        turns = (Turn(role="human", content="q"), Turn(role="assistant", content="a"))
        return Pair(conversations=turns, text=text)

    words = [f"word{n}" for n in range(120)]
    near = [*words[:60], "other", *words[61:]]
    twins = Twins()
    assert list(twins.of("1", pair(" ".join(words)))) == []
    assert list(twins.of("2", pair(" ".join(reversed(words))))) == []
    (twin,) = twins.of("3", pair(" ".join(near).upper()))
    assert (twin.first, twin.second) == ("1", "3")
    assert twin.alike > 0.85


def test_statistics_know_what_was_asked_and_what_the_verdict_was() -> None:
    statistics = Statistics()
    full = said(
        '{"structured_data":{},"validation_summary":{"is_valid":false,"issues":[]}}',
        human="<image>\nExtract and validate the invoice as JSON.",
    )
    statistics.add(Pair.model_validate(full), tokens=40)
    statistics.add(Pair.model_validate(said("x")))
    rows = dict(statistics.table())
    assert rows["kinds of question"] == "full_analysis: 1, other question: 1"
    assert rows["verdicts in answers"] == "not valid: 1"
    assert rows["tokens"] == "median 40, 95 % up to 40, longest 40"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.jsonl"], "none.jsonl"),
        (["setup.py", "--format", "xml"], "no such format"),
        (["setup.py", "--show-mask", "1"], "needs --recipe"),
        (["README.md", "--recipe", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_usage_mistakes_end_with_2(arguments: list[str], message: str) -> None:
    done = validate(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr

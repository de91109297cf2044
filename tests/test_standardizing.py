"""Rows of other tools become one form, or are refused with their place; sources are counted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erniekit_finetuning.data.formats import FORMATS
from erniekit_finetuning.data.pair import Pair, Turn
from erniekit_finetuning.data.rows import Row
from erniekit_finetuning.data.standardizing import SHOWN_PROBLEMS, LeftOut, standardize
from erniekit_finetuning.engines.protocol import Example
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.files import write_jsonl
from erniekit_finetuning.mixing import Split, examples_of
from erniekit_finetuning.recipes.data_section import DataSection

SCRIPT = Path(__file__).parent.parent / "erniekit_finetuning" / "train_ernie_lora.py"
SAID = ("What is an IBAN?", "A bank account number.")
SAME: dict[str, dict[str, Any]] = {
    "messages": {
        "messages": [
            {"role": "user", "content": SAID[0]},
            {"role": "assistant", "content": SAID[1]},
        ]
    },
    "sharegpt": {
        "conversations": [{"from": "human", "value": SAID[0]}, {"from": "gpt", "value": SAID[1]}]
    },
    "alpaca": {"instruction": SAID[0], "input": "", "output": SAID[1]},
    "instruction": {"instruction": SAID[0], "output": SAID[1]},
    "pairs": {
        "conversations": [
            {"role": "human", "content": SAID[0]},
            {"role": "assistant", "content": SAID[1]},
        ]
    },
}
text = st.text(min_size=1, max_size=20).filter(str.strip).filter(lambda said: "<image>" not in said)


@pytest.mark.parametrize("name", SAME)
def test_every_shape_becomes_the_same_conversation(name: str) -> None:
    pair = standardize(Row("a.jsonl:1", SAME[name]))
    assert pair.conversations == (
        Turn(role="human", content=SAID[0]),
        Turn(role="assistant", content=SAID[1]),
    )


@given(st.lists(st.tuples(text, text), min_size=1, max_size=4), st.none() | text)
def test_nothing_is_lost_between_the_shapes(
    said: list[tuple[str, str]], system: str | None
) -> None:
    turns = [Turn(role="system", content=system)] if system else []
    for asked, answer in said:
        turns += [Turn(role="human", content=asked), Turn(role="assistant", content=answer)]
    pair = Pair(conversations=tuple(turns))
    for name in ("messages", "sharegpt", "pairs"):
        assert standardize(Row("a:1", FORMATS[name].write(pair))).conversations == tuple(turns)


def test_what_says_nothing_to_a_model_is_counted() -> None:
    left = LeftOut()
    silent = [{"role": "system", "content": ""}, *SAME["messages"]["messages"]]
    assert len(standardize(Row("a:1", {"messages": silent, "id": 7}), left).conversations) == 2
    standardize(Row("a:2", SAME["sharegpt"] | {"score": 5, "source": "x"}), left)
    assert left == {
        "empty system turn": 1,
        "column id": 1,
        "column score": 1,
        "column source": 1,
    }


def test_our_own_pairs_stay_strict() -> None:
    with pytest.raises(UnusableInput, match=r"a.jsonl:3: txet: "):
        standardize(Row("a.jsonl:3", SAME["pairs"] | {"txet": "x"}))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"instruction": "a"}, "output: the key is missing"),
        ({"instruction": "a", "output": ""}, r"conversations\[1\].content: the turn is empty"),
        ({"messages": SAME["messages"]["messages"][:1]}, "turns are not in order; found human"),
        (
            {"conversations": [{"from": "tool", "value": "x"}]},
            r"conversations\[0\].from: .*found 'tool'",
        ),
        ({"words": "x"}, "no format that is known; found words"),
        (["x"], "no format that is known; found list"),
    ],
)
def test_what_is_no_conversation_is_refused_with_its_place(
    tmp_path: Path, row: Any, expected: str
) -> None:
    file = tmp_path / "rows.jsonl"
    write_jsonl(file, [SAME["alpaca"], row])
    with pytest.raises(UnusableInput, match=rf"rows.jsonl:2: .*{expected}") as caught:
        examples_of(DataSection(), file)
    last = caught.value.problems[-1]
    assert (last.what, last.file) == ("1 of 2 rows are unusable", str(file))
    assert "prepare_data.py --data" in (last.cure or "")


def test_many_bad_rows_are_counted_not_all_listed(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    write_jsonl(file, [{"instruction": "a"}] * (SHOWN_PROBLEMS + 30))
    with pytest.raises(UnusableInput, match="30 more rows cannot be read") as caught:
        examples_of(DataSection(), file)
    assert len(caught.value.problems) == SHOWN_PROBLEMS + 2


def written(folder: Path, name: str, count: int) -> Path:
    file = folder / name
    rows = [{"instruction": f"{name} {n}", "output": str(n)} for n in range(count)]
    write_jsonl(file, rows)
    return file


def said(split: Split) -> tuple[list[str], list[str]]:
    def first(examples: list[Example]) -> list[str]:
        return [example.messages[0].content for example in examples]

    return first(split.train), first(split.validation)


def test_sources_are_drawn_by_seed_and_split_exactly(tmp_path: Path) -> None:
    files = [written(tmp_path, f"{name}.jsonl", 60) for name in ("one", "two", "three")]
    sources = [{"path": str(file), "max_samples": 40} for file in files]

    def of(seed: int) -> Split:
        data = {"sources": sources, "seed": seed, "validation_share": 0.1}
        return examples_of(DataSection.model_validate(data), None)

    split = of(1)
    assert (len(split.train), len(split.validation)) == (108, 12)
    assert [(one.rows, one.taken) for one in split.sources] == [(60, 40)] * 3
    assert sum(one.train for one in split.sources) == 108
    assert sum(one.validation for one in split.sources) == 12
    assert not set(said(split)[0]) & set(said(split)[1])
    assert said(of(1)) == said(split)
    assert said(of(2)) != said(split)
    assert str(split.sources[0]).startswith(f"{files[0]}: 60 rows, 40 taken: ")


def test_a_file_takes_the_place_of_the_hub(tmp_path: Path) -> None:
    file = written(tmp_path, "here.jsonl", 5)
    source = {"hub": "TeichAI/claude-haiku-4.5-1700x", "path": str(file)}
    data = DataSection.model_validate({"sources": [source], "validation_share": 0})
    assert len(examples_of(data, None).train) == 5


def test_a_name_of_the_hub_with_points_is_read_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of that name is what `datasets` reads in the hub's place."""
    monkeypatch.chdir(tmp_path)
    folder = Path("TeichAI") / "claude-haiku-4.5-1700x"
    folder.mkdir(parents=True)
    (folder / "train.jsonl").write_text(json.dumps(SAME["messages"] | {"id": 1}) + "\n")
    data = DataSection.model_validate({"sources": [{"hub": str(folder)}], "validation_share": 0})
    split = examples_of(data, None)
    assert [example.messages[1].content for example in split.train] == [SAID[1]]
    assert split.sources[0].left_out == {"column id": 1}


def test_a_hub_that_is_not_there_says_that_a_file_may_take_its_place(tmp_path: Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        "model:\n  name_or_path: ernie-4.5-tiny\ntraining:\n  max_steps: 1\n"
        "data:\n  sources:\n    - hub: nobody/nothing-1.5\n"
    )
    command = [sys.executable, str(SCRIPT), "--config", str(recipe), "--output-dir", str(tmp_path)]
    offline = os.environ | {"HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=offline)
    assert done.returncode == 2
    assert "nobody/nothing-1.5: cannot be loaded" in done.stderr
    assert "data.sources.0.path=FILE" in done.stderr


@pytest.mark.parametrize("source", [{}, {"hub": "no-owner"}, {"hub": "a/b/c"}])
def test_a_source_is_a_file_or_a_name_of_the_hub(source: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"path, or hub|pattern"):
        DataSection.model_validate({"sources": [source]})

"""The table of answers: what base and tuned model say to the same prompts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

pytest.importorskip("paddle", reason="the paddle engine is not installed")

from learnt_chat import LEARNT

from erniekit_finetuning.chat.answer_table import AnswerTable, Column, html, markdown
from erniekit_finetuning.chat.prompts import Prompt, read_prompts
from erniekit_finetuning.cli import app
from erniekit_finetuning.engines.protocol import Generation, Message
from erniekit_finetuning.errors import UnusableInput

HOSTILE = "<img src=x onerror=window.hurt=1>|a\n\n# *b* [c](http://evil.example) `d` </div></td>"


def answered(*words: object) -> Any:
    env = {"CUDA_VISIBLE_DEVICES": ""}  # as the command itself sets it, and back again
    return CliRunner().invoke(app, ["answers", *map(str, words)], env=env)


def test_prompts_are_lines_or_rows_whose_last_answer_is_expected(tmp_path: Path) -> None:
    lines = tmp_path / "prompts.txt"
    lines.write_text("first\n\n  second \n", encoding="utf-8")
    assert [one.messages for one in read_prompts(lines)] == [
        (Message("user", "first"),),
        (Message("user", "  second "),),
    ]
    talk = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
    ]
    rows = tmp_path / "rows.jsonl"
    told = [
        {"messages": talk},
        {"messages": [*talk, {"role": "assistant", "content": "d"}]},
        {"instruction": "i", "input": "", "output": "o"},
    ]
    rows.write_text("".join(json.dumps(row) + "\n" for row in told))
    first, second, third = read_prompts(rows)
    assert [message.content for message in first.messages] == ["s", "a", "b", "c"]
    assert first.expected is None
    assert second == Prompt(first.messages, "d")
    assert third == Prompt((Message("user", "i"),), "o")


def test_every_row_that_cannot_be_asked_is_named(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(
        '{"messages": [{"role": "user", "content": "a"}]}\n{"messages": []}\n'
        '{"messages": [{"role": "assistant", "content": "a"}]}\nno json\n{"other": 1}\n'
    )
    with pytest.raises(UnusableInput) as refused:
        read_prompts(file)
    assert [one.file for one in refused.value.problems] == [f"{file}:{at}" for at in (2, 3, 4, 5)]
    file.write_text("")
    with pytest.raises(UnusableInput, match="has no prompt"):
        read_prompts(file)
    with pytest.raises(UnusableInput, match="cannot be read"):
        read_prompts(tmp_path / "none.txt")


def test_base_and_tuned_are_asked_alike_and_again_alike(learnt_chat: Path, tmp_path: Path) -> None:
    prompts, out = tmp_path / "prompts.jsonl", tmp_path / "out"
    prompts.write_text(
        "".join(
            json.dumps(
                {
                    "messages": [
                        {"role": "user", "content": question},
                        {"role": "assistant", "content": answer},
                    ]
                }
            )
            + "\n"
            for question, answer in LEARNT.items()
        )
    )
    words = ["--model", learnt_chat, "--prompts", prompts, "--max-new-tokens", 120]
    told = answered(*words, "--output", out)
    assert told.exit_code == 0, told.output
    assert told.stdout == f"{out / 'answers.html'}\n"
    assert "tuned (run): 4 of 4 answers came to their end" in told.stderr
    assert "4 exactly as expected" in told.stderr
    assert "4 of 4 prompts are answered differently" in told.stderr
    rows = [json.loads(line) for line in (out / "answers.jsonl").read_text().splitlines()]
    assert [row["answers"]["tuned (run)"]["text"] for row in rows] == list(LEARNT.values())
    assert all(not row["answers"]["base (tiny)"]["finished"] for row in rows)
    again = tmp_path / "again"
    assert answered(*words, "--output", again, "--batch-size", 1).exit_code == 0
    for name in ("answers.html", "answers.md"):
        assert (again / name).read_bytes() == (out / name).read_bytes()

    lines = tmp_path / "prompts.txt"
    lines.write_text("say alpha\nsay beta\n")
    base = learnt_chat.parent / "tiny"
    one = answered("--model", base, "--prompts", lines, "--output", again, "--limit", 1)
    assert one.exit_code == 0, one.output
    (row,) = (json.loads(line) for line in (again / "answers.jsonl").read_text().splitlines())
    assert row["answers"].keys() == {"model (tiny)"}
    beside = ["--model", base, "--baseline", learnt_chat, "--prompts", lines, "--output", again]
    assert answered(*beside).exit_code == 0
    rows = [json.loads(line) for line in (again / "answers.jsonl").read_text().splitlines()]
    assert [row["answers"]["base (run)"]["text"] for row in rows] == ["ahpla", "ateb"]


def test_whatever_is_said_stays_text(browser: Any, tmp_path: Path) -> None:
    said = Generation(HOSTILE, False, 3, 0.0)
    prompts = (Prompt((Message("user", HOSTILE),), HOSTILE),)
    table = AnswerTable(prompts, (Column(HOSTILE, (said,)),), "greedy")
    file = tmp_path / "answers.html"
    file.write_text(html(table), encoding="utf-8")
    page = browser.new_page()
    page.goto(file.as_uri())
    texts = [one.text_content() for one in page.locator("td .said").all()]
    assert texts == [HOSTILE] * 3
    assert page.locator("img").count() == 0
    assert page.evaluate("window.hurt") is None
    page.close()
    *_, row = markdown(table).strip().splitlines()
    assert row.count("|") == 5  # four cells
    assert "<br><br># &#42;b&#42;" in row
    assert "<img" not in row

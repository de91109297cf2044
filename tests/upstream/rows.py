"""Rows of the three text formats, with everything in them that quoting could break."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SYSTEM = "You read invoices – “only” JSON."
PROMPTS = tuple(
    f'Rechnung\tR-{number}\n"Müller & Söhne" \\ C:\\neu\u2028\n合計 😀 ₹ 1.234,5{number}\nRead it.'
    for number in range(4)
)
ANSWERS = tuple(
    json.dumps(
        {
            "invoice_number": f"R-{number}",
            "seller": {"name": '"Müller" \\ Söhne', "note": "first\nsecond\t\\n"},
            "payable": f"₹ 1.234,5{number}",
        },
        ensure_ascii=False,
        indent=1,
    )
    for number in range(4)
)


def messages_row(prompt: str, answer: str, system: str | None = None) -> dict[str, Any]:
    turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
    first = [] if system is None else [{"role": "system", "content": system}]
    return {"messages": first + turns}


def erniekit_row(prompt: str, answer: str, system: str | None = None) -> dict[str, Any]:
    first = {} if system is None else {"system": system}
    return first | {"src": [prompt], "tgt": [answer]}


def alpaca_row(prompt: str, answer: str, system: str | None = None) -> dict[str, Any]:
    first = {} if system is None else {"system": system}
    return {"instruction": "Read:", "input": prompt, "output": answer} | first


# A second answer that corrects the first; only the second is to be learnt.
TWO_TURNS: dict[str, dict[str, Any]] = {
    "messages": {
        "messages": [
            {"role": "user", "content": "Read: 12."},
            {"role": "assistant", "content": "A wrong answer."},
            {"role": "user", "content": "Once more."},
            {"role": "assistant", "content": "The right answer."},
        ],
        "label": [0, 1],
    },
    "erniekit": {
        "src": ["Read: 12.", "Once more."],
        "tgt": ["A wrong answer.", "The right answer."],
        "label": [0, 1],
    },
}
MAKERS = {"messages": messages_row, "erniekit": erniekit_row, "alpaca": alpaca_row}


def good_rows(kind: str) -> list[dict[str, Any]]:
    """Four rows, half of them with a system turn, and one special to the format."""
    systems = (SYSTEM, None, SYSTEM, None)
    rows = [MAKERS[kind](*row) for row in zip(PROMPTS, ANSWERS, systems, strict=True)]
    if kind == "alpaca":
        return [*rows, {"instruction": "All in the instruction.", "output": "{}"}]
    return [*rows, TWO_TURNS[kind]]


def write_rows(file: Path, rows: Sequence[Any]) -> Path:
    """Write a JSON array to a name in .json, else one object a line."""
    if file.suffix == ".json":
        text = json.dumps(rows, ensure_ascii=False, indent=1)
    else:
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    file.write_text(text, encoding="utf-8")
    return file


def read_rows(file: Path) -> list[Any]:
    """The rows of a JSON array or of JSON lines."""
    text = file.read_text(encoding="utf-8")
    if text.lstrip().startswith("["):
        return list(json.loads(text))
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def given_or(name: str, kind: str, folder: Path) -> Path:
    """The data file of this kind that the environment names, or good rows in `folder`.

    UPSTREAM_MESSAGES, UPSTREAM_ERNIEKIT and UPSTREAM_ALPACA name files made elsewhere, so that the
    same tests prove them, too.
    """
    given = os.environ.get(f"UPSTREAM_{kind.upper()}")
    return Path(given).resolve() if given else write_rows(folder / name, good_rows(kind))


def turns_of(row: dict[str, Any], kind: str) -> list[str]:
    """The texts of a row that a model should see."""
    if kind == "alpaca":  # joined with nothing between them
        return [row.get("system", ""), row["instruction"] + row.get("input", ""), row["output"]]
    if kind == "erniekit":
        return [row.get("system", ""), *row["src"], *row["tgt"]]
    return [turn["content"] for turn in row["messages"]]


def answers_of(row: dict[str, Any], kind: str, label: int = 1) -> list[str]:
    """The answers of a row that are labelled so: 1, which is understood, to be trained on, or 0."""
    if kind == "alpaca":
        answers = [row["output"]]
    elif kind == "erniekit":
        answers = row["tgt"]
    else:
        answers = [turn["content"] for turn in row["messages"] if turn["role"] == "assistant"]
    labels = row.get("label", [1] * len(answers))
    return [answer for answer, its in zip(answers, labels, strict=True) if its == label]


def longest(file: Path) -> int:
    """Bytes of the longest row, which its tokens cannot outnumber by more than the template's."""
    return max(len(json.dumps(row, ensure_ascii=False).encode()) for row in read_rows(file))

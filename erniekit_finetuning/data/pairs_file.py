"""Pairs files: JSONL with a pair a line, or one JSON array."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from erniekit_finetuning.data.pair import Pair
from erniekit_finetuning.errors import Problem, UnusableInput


def read_pairs(path: Path) -> Iterator[Pair]:
    """Pairs of a .jsonl file or a .json array; raises UnusableInput naming the first bad row."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableInput(
            Problem("cannot be read", file=str(path), found=str(error), cure="check the path")
        ) from error
    if text.lstrip().startswith("["):
        rows: list[tuple[int | None, Any]] = [(None, row) for row in _json(text, path, None)]
    else:
        lines = enumerate(text.split("\n"), start=1)
        rows = [(number, _json(line, path, number)) for number, line in lines if line.strip()]
    if not rows:
        raise UnusableInput(Problem("has no pair", file=str(path)))
    for index, (number, row) in enumerate(rows):
        try:
            pair = Pair.model_validate(row)
        except ValidationError as error:
            raise UnusableInput(
                [
                    Problem(
                        fault["msg"],
                        file=str(path),
                        line=number,
                        field=f"[{index}]." + ".".join(map(str, fault["loc"])),
                        expected='{"image": .., "conversations": [{"role": "human", ..}, ..]}',
                    )
                    for fault in error.errors(include_url=False)
                ]
            ) from error
        roles = {turn.role for turn in pair.conversations}
        if not {"human", "assistant"} <= roles:
            raise UnusableInput(
                Problem(
                    "a human and an assistant turn are needed",
                    file=str(path),
                    line=number,
                    field=f"[{index}].conversations",
                )
            )
        yield pair


def _json(text: str, path: Path, line: int | None) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UnusableInput(
            Problem("is not JSON", file=str(path), line=line or error.lineno, found=error.msg)
        ) from error

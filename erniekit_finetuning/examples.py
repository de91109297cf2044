"""Pairs to the prompt and answer that the text route trains on."""

from __future__ import annotations

from pathlib import Path

from erniekit_finetuning.data.pairs_file import read_pairs
from erniekit_finetuning.engines.protocol import Example
from erniekit_finetuning.errors import Problem, UnusableInput


def read_examples(path: Path) -> list[Example]:
    """Examples of a pairs file; raises UnusableInput naming every pair that cannot be one."""
    examples: list[Example] = []
    problems: list[Problem] = []
    for number, pair in enumerate(read_pairs(path), start=1):
        roles = [turn.role for turn in pair.conversations]
        if roles != ["human", "assistant"]:
            problems.append(
                Problem(
                    "this recipe trains on one question and one answer",
                    file=str(path),
                    line=number,
                    field="conversations",
                    found=", ".join(roles),
                    expected="human, assistant",
                )
            )
            continue
        try:
            examples.append(Example(pair.text_prompt(), pair.answer, pair.id or str(number)))
        except UnusableInput as error:
            problems += error.problems
    if problems:
        raise UnusableInput(problems)
    return examples

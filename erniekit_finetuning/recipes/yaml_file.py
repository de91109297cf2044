"""A YAML file as values, with the line that each key stands in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from erniekit_finetuning.errors import Problem, UnusableInput

Key = tuple[str, ...]
# YAML 1.1, which PyYAML reads, takes 1e-4 for a string; everyone who writes it means a number.
_EXPONENT = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+")


def read_values(path: Path) -> tuple[dict[str, Any], dict[Key, int]]:
    """The values of a file, and the line of each key.

    Raises UnusableInput when it cannot be read, is no YAML mapping, or says a key twice.
    """
    values, lines, problems = read_with_problems(path)
    if problems:
        raise UnusableInput(problems)
    return values, lines


def read_with_problems(path: Path) -> tuple[dict[str, Any], dict[Key, int], list[Problem]]:
    """As `read_values`, with the keys that are said twice as problems beside."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        cure = "give the path of a YAML recipe"
        raise UnusableInput(Problem(f"cannot be read: {error}", str(path), cure=cure)) from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = f"not YAML: {getattr(error, 'problem', None) or error}"
        raise UnusableInput(Problem(what, str(path), mark.line + 1 if mark else None)) from error
    if not isinstance(values, dict):
        expected = "sections model, lora, data, training"
        raise UnusableInput(Problem("not a recipe", str(path), expected=expected))
    lines: dict[Key, int] = {}
    problems: list[Problem] = []
    for key, line in _keys(node):
        if key in lines:
            what = f"written twice, first in line {lines[key]}"
            problems.append(Problem(what, str(path), line, ".".join(key)))
        lines[key] = line
    return as_numbers(values), lines, problems


def _keys(node: Any, above: Key = ()) -> Iterator[tuple[Key, int]]:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            key = (*above, str(name.value))
            yield key, name.start_mark.line + 1
            yield from _keys(value, key)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield (*above, str(index)), item.start_mark.line + 1
            yield from _keys(item, (*above, str(index)))


def as_numbers(value: Any) -> Any:
    """The value with what PyYAML took for a string, and is a number, made one."""
    if isinstance(value, dict):
        return {key: as_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_numbers(item) for item in value]
    if isinstance(value, str) and _EXPONENT.fullmatch(value):
        return float(value)
    return value

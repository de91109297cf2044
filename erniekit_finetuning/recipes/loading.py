"""Recipe files in, Recipes out, or every fault of the file at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.recipes.model import Recipe

Key = tuple[str, ...]
# YAML 1.1, which PyYAML reads, takes 1e-4 for a string; everyone who writes it means a number.
_EXPONENT = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+")


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a YAML recipe and apply `section.key=value` overrides, values in YAML.

    Raises UnusableInput with every fault: syntax, repeated or unknown keys, wrong types, limits.
    """
    path = Path(path)
    values, lines, problems = _read(path)
    given: set[Key] = set()
    for override in overrides:
        problem, key = _override(values, override)
        problems += [problem] if problem else []
        given.add(key)
    try:
        recipe = Recipe.model_validate(values)
    except ValidationError as error:
        problems += [_problem(path, lines, given, detail) for detail in error.errors()]
    if problems:
        raise UnusableInput(problems)
    return recipe


def dump_recipe(recipe: Recipe) -> str:
    """The recipe as YAML, every default filled in."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _read(path: Path) -> tuple[dict[str, Any], dict[Key, int], list[Problem]]:
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
    return _numbers(values), lines, problems


def _keys(node: Any, above: Key = ()) -> Iterator[tuple[Key, int]]:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            key = (*above, str(name.value))
            yield key, name.start_mark.line + 1
            yield from _keys(value, key)


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _numbers(item) for key, item in value.items()}
    if isinstance(value, str) and _EXPONENT.fullmatch(value):
        return float(value)
    return value


def _override(values: dict[str, Any], text: str) -> tuple[Problem | None, Key]:
    name, equals, written = text.partition("=")
    key = tuple(name.split("."))
    if not equals or not all(key):
        return Problem("not an override", found=text, expected="section.key=value"), ()
    try:
        value = _numbers(yaml.safe_load(written))
    except yaml.YAMLError:
        return Problem("its value is not YAML", field=name, found=written), key
    section = values
    for part in key[:-1]:
        below = section.setdefault(part, {})
        if not isinstance(below, dict):
            return Problem(f"{part} is not a section", field=name), key
        section = below
    section[key[-1]] = value
    return None, key


def _problem(path: Path, lines: dict[Key, int], given: set[Key], detail: Any) -> Problem:
    key: Key = tuple(str(part) for part in detail["loc"])
    nearest = next((key[:n] for n in range(len(key), 0, -1) if key[:n] in lines), ())
    overridden = any(key[: len(other)] == other for other in given if other)
    found = None if detail["type"] == "missing" else repr(detail["input"])
    if detail["type"] == "extra_forbidden":
        what, cure, found = "unknown key", _did_you_mean(key), None
    else:
        what, cure = detail["msg"].removeprefix("Value error, "), None
    if isinstance(detail["input"], dict):
        found = None
    return Problem(
        what,
        file="override" if overridden else str(path),
        line=None if overridden else lines.get(nearest),
        field=".".join(key),
        found=found,
        cure=cure,
    )


def _did_you_mean(key: Key) -> str | None:
    key = tuple(part for part in key if not part.isdigit())  # the place in a list of sections
    known = [".".join(name) for name in _fields(Recipe)]
    beside = [name for name in known if name.split(".")[:-1] == list(key[:-1])]
    for names, cutoff in ((beside, 0.6), (known, 0.75)):
        by_last = {name.rpartition(".")[2]: name for name in names}
        close = get_close_matches(key[-1], by_last, n=1, cutoff=cutoff)
        if close:
            return f"did you mean {by_last[close[0]]}?"
    return f"known here: {', '.join(name.rpartition('.')[2] for name in beside)}"


def _fields(section: type[BaseModel], above: Key = ()) -> Iterator[Key]:
    for name, field in section.model_fields.items():
        yield (*above, name)
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _fields(kind, (*above, name))

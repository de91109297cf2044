"""Recipe files in, Recipes out, or every fault of the file at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.faults import said
from erniekit_finetuning.recipes.chat_templates import CHAT_TEMPLATES
from erniekit_finetuning.recipes.model import Recipe
from erniekit_finetuning.recipes.yaml_file import Key, as_numbers, read_with_problems

# Files that a recipe names; where the recipe itself says a relative path, it starts at its folder.
_FILES = ("validation_file", "chat_template", "schema")


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a YAML recipe and apply `section.key=value` overrides, values in YAML.

    Relative paths of data files start at the recipe's folder, in overrides at the current one.
    Raises UnusableInput with every fault: syntax, repeated or unknown keys, wrong types, limits.
    """
    path = Path(path)
    values, lines, problems = read_with_problems(path)
    _root_paths(values, path.resolve().parent)
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


def _override(values: dict[str, Any], text: str) -> tuple[Problem | None, Key]:
    name, equals, written = text.partition("=")
    key = tuple(name.split("."))
    if not equals or not all(key):
        return Problem("not an override", found=text, expected="section.key=value"), ()
    try:
        value = as_numbers(yaml.safe_load(written))
    except yaml.YAMLError:
        return Problem("its value is not YAML", field=name, found=written), key
    section: Any = values
    for depth, part in enumerate(key[:-1]):
        if isinstance(section, list):
            problem = _not_an_item(section, part, name)
            if problem:
                return problem, key
            section = section[int(part)]
        else:
            section = section.setdefault(part, {})
        if not isinstance(section, dict | list):
            return Problem(f"{'.'.join(key[: depth + 1])} is not a section", field=name), key
    if isinstance(section, list):
        problem = _not_an_item(section, key[-1], name)
        if problem:
            return problem, key
        section[int(key[-1])] = value
    else:
        section[key[-1]] = value
    return None, key


def _not_an_item(items: list[Any], part: str, name: str) -> Problem | None:
    if part.isdecimal() and int(part) < len(items):
        return None
    expected = f"0 to {len(items) - 1}" if items else "a list in the recipe, which is empty"
    return Problem("no such item of the list", field=name, found=part, expected=expected)


def _root_paths(values: dict[str, Any], folder: Path) -> None:
    """Make the paths of data files whole, in place; what is no path is left to the checks."""
    data = values.get("data")
    if not isinstance(data, dict):
        return
    for name in _FILES:
        if name != "chat_template" or str(data.get(name)) not in CHAT_TEMPLATES:
            _root(data, name, folder)
    sources = data.get("sources")
    for source in sources if isinstance(sources, list) else []:
        if isinstance(source, dict):
            _root(source, "path", folder)


def _root(section: dict[str, Any], name: str, folder: Path) -> None:
    value = section.get(name)
    if isinstance(value, str) and value:
        section[name] = str(folder / Path(value).expanduser())


def _problem(path: Path, lines: dict[Key, int], given: set[Key], detail: Any) -> Problem:
    key: Key = tuple(str(part) for part in detail["loc"])
    nearest = next((key[:n] for n in range(len(key), 0, -1) if key[:n] in lines), ())
    overridden = any(key[: len(other)] == other for other in given if other)
    found = None if detail["type"] == "missing" else repr(detail["input"])
    if detail["type"] == "extra_forbidden":
        what, cure, found = "unknown key", _did_you_mean(key), None
    else:
        what, cure = said(detail), None
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
    # The number of an item says nothing about which keys an item has.
    plain = [part for part in key if not part.isdecimal()]
    known = [".".join(name) for name in _fields(Recipe)]
    beside = [name for name in known if name.split(".")[:-1] == plain[:-1]]
    for names, cutoff in ((beside, 0.6), (known, 0.75)):
        by_last = {name.rpartition(".")[2]: name for name in names}
        close = get_close_matches(plain[-1], by_last, n=1, cutoff=cutoff)
        if close:
            return f"did you mean {by_last[close[0]]}?"
    return f"known here: {', '.join(name.rpartition('.')[2] for name in beside)}"


def _fields(section: type[BaseModel], above: Key = ()) -> Iterator[Key]:
    for name, field in section.model_fields.items():
        yield (*above, field.alias or name)
        kind = field.annotation
        for inner in (kind, *get_args(kind)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from _fields(inner, (*above, name))

"""What a recipe names and a model does not have."""

from __future__ import annotations

from collections.abc import Iterable

from erniekit_finetuning.errors import Problem, UnusableInput


def no_module(field: str, name: str, known: str | None = None) -> Problem:
    """The problem of a name that matches nothing; `known` lists what there is."""
    return Problem("matches no module of this model", field=field, found=name, expected=known)


def refuse_targets(missing: Iterable[str], known: Iterable[str]) -> None:
    """Raise UnusableInput when there is any target that names nothing."""
    listed = ", ".join(sorted(known))
    problems = [no_module("lora.target_modules", name, listed) for name in sorted(missing)]
    if problems:
        raise UnusableInput(problems)

"""What a trainer cannot do of a recipe, said before it starts."""

from __future__ import annotations

from collections.abc import Iterable

from erniekit_finetuning.errors import Problem
from erniekit_finetuning.recipes.model import Recipe


def unlike(
    recipe: Recipe, trainer: str, only: Iterable[tuple[str, object, str | None]]
) -> list[Problem]:
    """A problem for each (field, the one value it can have, cure) that the recipe sets otherwise.

    A list gives all values that are possible.
    """
    problems = []
    for field, possible, cure in only:
        section, _, name = field.partition(".")
        value = getattr(getattr(recipe, section), name)
        allowed = possible if isinstance(possible, list) else [possible]
        if value not in allowed:
            expected = " or ".join(repr(one) for one in allowed)
            what = f"{trainer} cannot do this"
            problems.append(Problem(what, None, None, field, repr(value), expected, cure))
    return problems

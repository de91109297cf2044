"""Names of folders for models that are compared."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_ODD = re.compile(r"[^\w.-]+")


def part_names(specs: Sequence[str]) -> list[str]:
    """A folder's name for each model, in the order given and never twice the same.

    >>> part_names(["ernie-4.5-tiny", "hf:runs/mine", "runs/other/mine"])
    ['1-ernie-4.5-tiny', '2-mine', '3-mine']
    """
    names = (_ODD.sub("-", Path(spec).name) or "model" for spec in specs)
    return [f"{number}-{name}" for number, name in enumerate(names, start=1)]

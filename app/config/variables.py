"""Variables of the environment that look like settings and are none, as API_KEY is for API__KEY."""

from __future__ import annotations

import os
from collections.abc import Iterable

from erniekit_finetuning.errors import Problem, UnusableInput


def refuse_unknown_variables(prefix: str, sections: Iterable[str]) -> None:
    """Raise UnusableInput for variables with the prefix that set nothing."""
    known = [f"{prefix}{name.upper()}" for name in sections]
    unknown = [
        name
        for name in map(str.upper, os.environ)
        if name.startswith(prefix)
        and name not in (f"{prefix}CONFIG", *known)
        and not any(name.startswith(f"{section}__") for section in known)
    ]
    if unknown:
        expected = f"{prefix}CONFIG, or {' or '.join(f'{one}__KEY' for one in known)}"
        raise UnusableInput(
            [Problem("no such setting", field=name, expected=expected) for name in sorted(unknown)]
        )

"""Engines by name; an engine's framework is imported only when it works."""

from __future__ import annotations

from erniekit_finetuning.engines.protocol import Engine
from erniekit_finetuning.errors import Problem, UnusableInput


def get_engine(name: str = "paddle") -> Engine:
    """Give the engine a recipe names. Raises UnusableInput for a name that no engine has."""
    if name != "paddle":
        raise UnusableInput(
            Problem("no such engine", field="engine", found=name, expected="paddle")
        )
    from erniekit_finetuning.engines.paddle.engine import PaddleEngine

    return PaddleEngine()

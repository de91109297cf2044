"""Engines by name; an engine's framework is imported only when it works."""

from __future__ import annotations

from erniekit_finetuning.engines.framework import Framework
from erniekit_finetuning.engines.protocol import Engine
from erniekit_finetuning.errors import Problem, UnusableInput

ENGINES = ("paddle", "hf")


def get_engine(name: str = "paddle") -> Engine:
    """Give the engine a recipe names. Raises UnusableInput for a name that no engine has."""
    if name == "paddle":
        from erniekit_finetuning.engines.paddle.engine import PaddleEngine

        return PaddleEngine()
    if name == "hf":
        from erniekit_finetuning.engines.hf.engine import HuggingFaceEngine

        return HuggingFaceEngine()
    if name == "erniekit":
        cure = "start it with `erniekit train --config RECIPE`, where ERNIEKit is installed"
        raise UnusableInput(Problem("ERNIEKit trains by itself", field="engine", cure=cure))
    expected = ", ".join(ENGINES)
    raise UnusableInput(Problem("no such engine", field="engine", found=name, expected=expected))


def get_framework(engine: str) -> Framework:
    """What an engine of ours trains with, for the process that trains and those that help."""
    if engine == "paddle":
        from erniekit_finetuning.engines.paddle.framework import PaddleFramework

        return PaddleFramework()
    from erniekit_finetuning.engines.hf.framework import TorchFramework

    return TorchFramework()

"""What the tests of the hf engine share: stand-in models, and a process that may load torch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import pytest
from tiny_model import build_tiny_model

STANDINS = Path(__file__).parent / "standins.py"


@pytest.fixture(scope="session")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    @cache
    def make(kind: str) -> Path:
        folder = tmp_path_factory.mktemp("standins") / kind
        if kind == "ernie4_5":
            return build_tiny_model(folder)
        subprocess.run(
            [sys.executable, str(STANDINS), kind, str(folder)], check=True, capture_output=True
        )
        return folder

    return make


@pytest.fixture(scope="session")
def torch_process() -> Iterator[ProcessPoolExecutor]:
    """One process for functions that load torch, which this one cannot beside PaddleFormers."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        yield pool

"""A hanging trainer is ended, and what a log says is read off it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from upstream.running import Result, lines_with, losses_in, run_to_end


def test_a_process_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    hang = (
        "import os, time\n"
        "child = os.fork()\n"
        "print('child' if child == 0 else child, flush=True)\n"
        "time.sleep(600)\n"
    )
    with pytest.raises(TimeoutError, match=r"(?s)still running after 1 s; .*child"):
        run_to_end([sys.executable, "-c", hang], tmp_path, {}, timeout=1)
    child = next(int(line) for line in (tmp_path / "log.txt").read_text().split() if line.isdigit())
    for _ in range(50):
        if not runs(child):
            break
        time.sleep(0.1)
    assert not runs(child)


def runs(process: int) -> bool:
    state = Path(f"/proc/{process}/stat")  # a dead child may wait there as a zombie
    return state.exists() and state.read_text().split()[2] != "Z"


def test_a_loss_that_is_no_number_is_no_training() -> None:
    log = (
        "loss: 1.5, learning_rate: 0.1, global_step: 1\nloss: nan, learning_rate: 0, global_step: 2"
    )
    losses = losses_in(log)
    assert len(losses) == 2
    assert Result(0, log, 1, (), losses[:1], ()).trained
    assert not Result(0, log, 1, (), losses, ()).trained
    assert not Result(1, log, 1, (), losses[:1], ()).trained
    assert not Result(0, log, 1, (), (), ()).trained


def test_a_complaint_said_twice_counts_once() -> None:
    assert lines_with("WARN skip: a\nskip: b\nskip: a\n[x] b", "skip: ") == ("skip: a", "skip: b")

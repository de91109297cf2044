"""What happens to the service meanwhile: kills, swaps, exports, looks at its health and memory."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from threading import Event

import httpx

from app.core.learning.promotion import Figures, promote, promoted
from tests.soak.processes import kill_one, memory
from tests.soak.serving import PROGRAM, Service
from tests.soak.tally import Tally

SWAPPED = 180  # seconds after which a promoted model should be read with, on a busy machine too
FIGURES = Figures(
    documents=20, before=0.5, after=0.6, interval=(0.1, 0.2), amounts_before=0.5, amounts_after=0.5
)


def every(seconds: float, over: Event, act: Callable[[], None]) -> Callable[[], None]:
    """Something to run in a thread: again and again, until it is over."""

    def run() -> None:
        while not over.wait(seconds):
            act()

    return run


def killing(root: int, tally: Tally) -> Callable[[], None]:
    """Kill a worker."""
    rng = Random(1)

    def kill() -> None:
        role = kill_one(root, rng)
        tally.event("no worker to kill" if role is None else f"{role} process killed")

    return kill


def swapping(models: Path, service: Service, tally: Tally) -> Callable[[], None]:
    """Promote the other model, and wait until the service reads with it."""
    first, second = (models / name / "run" for name in "ab")

    def swap() -> None:
        other = first if promoted(models) == second else second
        promote(models, other, promoted(models), FIGURES)
        began = time.monotonic()
        with service.client() as http:
            while time.monotonic() < began + SWAPPED:
                if http.get("/v1/models").json()[0]["model"] == str(other):
                    return tally.swapped(time.monotonic() - began)
                time.sleep(1)
        tally.break_(f"a promoted model was not taken over within {SWAPPED} s")
        return None

    return swap


def exporting(environment: dict[str, str], tally: Tally) -> Callable[[], None]:
    """Export the corrections; every third time the export is killed."""
    rng, runs = Random(2), 0

    def export() -> None:
        nonlocal runs
        runs += 1
        running = subprocess.Popen(
            [str(PROGRAM), "corrections"],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        if runs % 3 == 0:
            time.sleep(rng.random() * 6)
            running.kill()
        _, said = running.communicate()
        if running.returncode not in (0, -9):
            tally.break_(f"an export ended with {running.returncode}: {said.decode()[-300:]}")
        tally.event("export killed" if running.returncode else "export done")

    return export


def watching(service: Service, tally: Tally) -> Callable[[], None]:
    """Ask for its health, which must come at once whatever else is being done."""
    http = service.client()

    def look() -> None:
        began = time.monotonic()
        try:
            answer = http.get("/healthz")
        except httpx.TransportError:
            return tally.break_("health was not answered")
        tally.alive(time.monotonic() - began)
        if answer.status_code != 200:
            tally.break_(f"health was answered with {answer.status_code}")
        return None

    return look


def weighing(root: int, weights: list[dict[str, float]]) -> Callable[[], None]:
    """Note its memory."""
    return lambda: weights.append(memory(root))

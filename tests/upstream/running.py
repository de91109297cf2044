"""A trainer of upstream as a process that ends, and what its log says."""

from __future__ import annotations

import contextlib
import math
import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

TIMEOUT = 240.0
# Tokens of a sequence kept for the words that a template puts around ten turns.
TEMPLATE_ROOM = 256
COLOUR = re.compile(r"\x1b\[\d*m")
STEP = re.compile(r"\bloss: (\S+), learning_rate: .*\bglobal_step: \d+")


@dataclass(frozen=True)
class Result:
    """What a training said of itself.

    `samples` is the number of rows that it says it read, `refusals` are its complaints about
    others, `losses` has one a step, and `texts` what it makes of each row: the whole text, and the
    part that is trained on.
    """

    exit_code: int
    log: str
    samples: int | None
    refusals: tuple[str, ...]
    losses: tuple[float, ...]
    texts: tuple[tuple[str, str], ...]

    @property
    def trained(self) -> bool:
        """Whether it took a step, had a finite loss at each, and ended well."""
        return self.exit_code == 0 and bool(self.losses) and all(map(math.isfinite, self.losses))


def installed(package: str) -> str:
    """The version of a package in this environment, found without importing it; else nothing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def run_to_end(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    timeout: float = TIMEOUT,
) -> tuple[int, str]:
    """Run in `folder`; give the exit code and all that was printed, without colours.

    Raises TimeoutError, with all that it started ended: upstream's loaders can hang.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log.txt"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            last = _plain(log)[-2000:]
            raise TimeoutError(
                f"still running after {timeout:g} s; its last words: {last}"
            ) from None
        finally:
            _end(process)
    return code, _plain(log)


def losses_in(log: str) -> tuple[float, ...]:
    return tuple(map(float, STEP.findall(log)))


def number_in(log: str, pattern: str) -> int | None:
    """The whole number in the first match of `pattern`."""
    found = re.search(pattern, log)
    return int(found.group(1)) if found else None


def lines_with(log: str, *beginnings: str) -> tuple[str, ...]:
    """Each different message that begins so, once, in order: rows are read several times."""
    pattern = f"(?:{'|'.join(map(re.escape, beginnings))}).*"
    return tuple(dict.fromkeys(re.findall(pattern, log)))


def _plain(log: Path) -> str:
    return COLOUR.sub("", log.read_text(encoding="utf-8", errors="replace"))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what still runs.

    First by asking: Paddle's launcher puts its worker into another group and ends it when asked.
    """
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()

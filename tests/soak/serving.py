"""`ernie-invoice serve` in a process of its own, with what it did wrong when it ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

from tests.soak.processes import tree

PROGRAM = Path(sys.executable).with_name("ernie-invoice")
PATIENCE = 300  # seconds that a client waits for an answer


class Service(NamedTuple):
    """Where it listens, its key, and its process."""

    port: int
    key: str
    pid: int

    def client(self) -> httpx.Client:
        """A connection to it."""
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=PATIENCE,
        )


@contextmanager
def serving(environment: Mapping[str, str], faults: list[str]) -> Iterator[Service]:
    """The service, ready; ended as an operator ends it, with what went wrong added to `faults`."""
    port, key = _free_port(), "a key of some length"
    at = {"ERNIE_INVOICE_API__KEY": key, "ERNIE_INVOICE_API__PORT": str(port)}
    with tempfile.TemporaryFile("w+") as log:
        running = subprocess.Popen(
            [str(PROGRAM), "serve"], env={**os.environ, **environment, **at}, stderr=log
        )
        service = Service(port, key, running.pid)
        try:
            _wait_until_ready(service, running)
            yield service
        finally:
            workers = [one.pid for one in tree(running.pid)[1:]]
            running.send_signal(signal.SIGTERM)
            try:
                if running.wait(120):
                    faults.append(f"the service ended with {running.returncode}")
            except subprocess.TimeoutExpired:
                faults.append("the service did not end")
                running.kill()
            log.seek(0)
            said = log.read()
            if "Traceback" in said:
                start = said.index("Traceback")
                faults.append(f"a traceback in its log: {said[start : start + 3000]}")
            if any(Path(f"/proc/{pid}").exists() for pid in workers):
                faults.append("a worker outlived the service")


def _wait_until_ready(service: Service, running: subprocess.Popen[bytes]) -> None:
    with service.client() as http:
        while running.poll() is None:
            try:
                if http.get("/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.5)
    raise SystemExit(f"serve ended with {running.returncode}")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])

"""`ernie-invoice serve` ends as it is told to: what is open is answered, and nothing runs on."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
from soak.processes import tree

SERVE = "from erniekit_finetuning.cli import main; main()"


def test_a_terminated_service_closes_what_it_started(tmp_path: Path) -> None:
    """Regression: SIGTERM ended it before its models were closed."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    settings = {"KEPT__FOLDER": str(tmp_path), "API__PORT": str(port)}
    environment = {f"ERNIE_INVOICE_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-c", SERVE, "serve"]
    running = subprocess.Popen(command, env={**os.environ, **environment})
    until = time.monotonic() + 120
    try:
        while time.monotonic() < until and running.poll() is None:
            try:
                if httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.2)
        workers = [one.pid for one in tree(running.pid)[1:]]
        assert workers
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
    finally:
        running.kill()

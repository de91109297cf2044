"""The service under abuse (`make soak MINUTES=10`): nothing accepted is lost, nothing said twice.

    python tests/soak/soak.py [--minutes 10] [--clients 32]

Starts `ernie-invoice serve` with the shipped model, and sends from many clients, a tenth of it
hostile, while a worker is killed every 20 seconds, another model is promoted every minute, and
corrections are exported. Then counts what clients were told against database and export. Prints
one JSON object; exit 1 where a promise is broken.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random
from statistics import median
from threading import Event, Thread
from typing import Any

import httpx
from abuse import PROGRAM, every, exporting, killing, swapping, watching, weighing
from clients import Client, Service
from counting import broken_counts
from hostile import hostile_files
from processes import tree
from tally import Tally

from synthetic_invoice_generator.config import load_config
from synthetic_invoice_generator.draft import draft
from synthetic_invoice_generator.looks.rendering import render_pdf

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "erniekit_finetuning/assets/ernie-4.5-tiny"
WARM = 6  # weighings before memory counts: the first models and document processes are loaded


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=32)
    options = parser.parse_args()
    tally, weights = Tally(), list[dict[str, float]]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for model in "ab":
            shutil.copytree(SHIPPED, folder / "models" / model / "run")
        service = Service("127.0.0.1", _free_port(), "a key of some length")
        environment = {
            "ERNIE_INVOICE_KEPT__FOLDER": str(folder),
            "ERNIE_INVOICE_API__KEY": service.key,
            "ERNIE_INVOICE_API__PORT": str(service.port),
            "ERNIE_INVOICE_DOCUMENTS__SECONDS": "10",
        }
        with _serving(service, environment, tally) as root:
            _soak(options, root, folder, service, environment, tally, weights)
            told = _metrics(service, tally)
        exporting(environment, tally)()
        kept = broken_counts(folder, tally, told)
    grown = _growth(weights, tally)
    report = {
        "minutes": options.minutes,
        "clients": options.clients,
        **tally.report(),
        "kept": kept,
        "megabytes": grown,
        "broken": dict(tally.broken),
    }
    print(json.dumps(report, indent=2))
    sys.exit(1 if tally.broken else 0)


def _soak(
    options: argparse.Namespace,
    root: int,
    folder: Path,
    service: Service,
    environment: dict[str, str],
    tally: Tally,
    weights: list[dict[str, float]],
) -> None:
    documents = _documents()
    files = hostile_files(next(iter(documents.values())), Random(3))
    expected = {name: _read(service, data, tally) for name, data in documents.items()}
    over, over_for_clients = Event(), Event()
    acts = [
        every(20, over, killing(root, tally)),
        every(60, over, swapping(folder / "models", service, tally)),
        every(10, over, exporting(environment, tally)),
        every(1, over, watching(service, tally)),
        every(5, over, weighing(root, weights)),
    ]
    threads = [Thread(target=act) for act in acts]
    for thread in threads:
        thread.start()
    with ThreadPoolExecutor(options.clients) as pool:
        clients = [
            Client(number, service, documents, expected, files, tally)
            for number in range(options.clients)
        ]
        running = [pool.submit(client.run, over_for_clients) for client in clients]
        time.sleep(options.minutes * 60)
        over_for_clients.set()
    over.set()
    for thread in threads:
        thread.join()
    for one in running:
        one.result()


def _documents() -> dict[str, bytes]:
    """Short invoices of the world that the shipped model was trained on."""
    world = load_config(ROOT / "configs/generator/pretrain.yaml")
    easy = {"locales": {"de-DE": 1.0}, "layouts": {"classic": 1.0}, "max_lines": 1}
    made = [draft(world.model_copy(update=easy), seed=5, index=index) for index in range(12)]
    return {f"invoice {n}": render_pdf(one.invoice, one.style) for n, one in enumerate(made)}


def _read(service: Service, data: bytes, tally: Tally) -> Any:
    """What the service reads of a document while nobody disturbs it."""
    with service.client() as http:
        answer = http.post("/v1/invoices:extract", files={"file": ("a.pdf", data)})
    tally.answer("read", answer.raise_for_status().status_code)
    tally.reading(answer.json()["document_id"], 0)
    return answer.json()["invoice"]


@contextmanager
def _serving(service: Service, environment: dict[str, str], tally: Tally) -> Iterator[int]:
    """`ernie-invoice serve`, by its process id; ended as an operator ends it."""
    with tempfile.TemporaryFile("w+") as log:
        running = subprocess.Popen(
            [str(PROGRAM), "serve"], env={**os.environ, **environment}, stderr=log
        )
        try:
            _wait_until_ready(service, running)
            yield running.pid
        finally:
            workers = [one.pid for one in tree(running.pid)[1:]]
            running.send_signal(signal.SIGTERM)
            try:
                running.wait(120)
            except subprocess.TimeoutExpired:
                tally.break_("the service did not end")
                running.kill()
            log.seek(0)
            said = log.read()
            if "Traceback" in said:
                tally.break_(f"a traceback in its log: {said[said.index('Traceback') :][:3000]}")
        if any(Path(f"/proc/{pid}").exists() for pid in workers):
            tally.break_("a worker outlived the service")


def _wait_until_ready(service: Service, running: subprocess.Popen[bytes]) -> None:
    with service.client() as http:
        while running.poll() is None:
            try:
                if http.get("/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.5)
    raise SystemExit(f"serve ended with {running.returncode}")


def _metrics(service: Service, tally: Tally) -> dict[str, int]:
    """Requests by route and status as the service itself counted them; none may be open."""
    with service.client() as http:
        text = http.get("/metrics").text
    if "ernie_invoice_documents_open 0.0" not in text:
        tally.break_("documents are open that nobody waits for")
    row = r'ernie_invoice_requests_total\{route="(.*)",status="(\d+)"\} (\S+)'
    return {f"{route} {code}": int(float(n)) for route, code, n in re.findall(row, text)}


def _growth(weights: list[dict[str, float]], tally: Tally) -> dict[str, Any]:
    """Medians of the first and the last quarter after the warm-up, by role."""
    warm = weights[WARM:]
    quarter = max(1, len(warm) // 4)
    found: dict[str, Any] = {"all, at most": round(max(sum(one.values()) for one in weights))}
    for role in weights[0]:
        first, last = (
            median(one[role] for one in part) for part in (warm[:quarter], warm[-quarter:])
        )
        found[role] = {"first quarter": round(first), "last quarter": round(last)}
        if role == "service" and last > 1.25 * first + 50:
            tally.break_(f"memory of the service grew from {first:.0f} to {last:.0f} MB")
    return found


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


if __name__ == "__main__":
    main()

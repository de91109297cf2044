"""The service under abuse (`make soak MINUTES=10`): nothing accepted is lost, nothing said twice.

    python -m tests.soak.soak [--minutes 10] [--clients 32]

Starts `ernie-invoice serve` with the shipped model, and sends from many clients, a tenth of it
hostile, while a worker is killed every 20 seconds, another model is promoted every minute, and
corrections are exported. Then counts what clients were told against database and export. Prints
one JSON object; exit 1 where a promise is broken.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from statistics import median
from threading import Event, Thread
from typing import Any

from synthetic_invoice_generator.config import load_config
from synthetic_invoice_generator.draft import draft
from synthetic_invoice_generator.looks.rendering import render_pdf
from tests.soak.abuse import every, exporting, killing, swapping, watching, weighing
from tests.soak.clients import Client
from tests.soak.counting import broken_counts
from tests.soak.hostile import hostile_files
from tests.soak.serving import Service, serving
from tests.soak.tally import Tally

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
        environment = {
            "ERNIE_INVOICE_KEPT__FOLDER": name,
            "ERNIE_INVOICE_DOCUMENTS__SECONDS": "10",
            # A document is read faster than workers die, and the more are.
            "ERNIE_INVOICE_ERNIE_VL__ROWS": "4",
            "ERNIE_INVOICE_ERNIE_VL__MAX_NEW_TOKENS": "40",
        }
        faults: list[str] = []
        with serving(environment, faults) as service:
            _soak(options, folder, service, environment, tally, weights)
            told = _metrics(service, tally)
        for fault in faults:
            tally.break_(fault)
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
        every(20, over, killing(service.pid, tally)),
        every(60, over, swapping(folder / "models", service, tally)),
        every(10, over, exporting(environment, tally)),
        every(1, over, watching(service, tally)),
        every(5, over, weighing(service.pid, weights)),
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


if __name__ == "__main__":
    main()

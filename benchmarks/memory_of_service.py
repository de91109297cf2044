"""Memory of the service over many readings: flat, however many there were.

    python -m benchmarks.memory_of_service [--readings 2000]

Sends short invoices to `ernie-invoice serve` from four clients. The model has random weights, two
layers and the shipped model's tokens, and answers are cut off early, which keeps it quick;
everything else is done as always: files opened, answers held to the document, values placed and
checked, documents kept. Prints one JSON object: the median resident MB of the service and of its
workers in the first and in the last quarter of the readings after a warm-up.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from threading import local

import httpx
from safetensors.numpy import save_file

from synthetic_invoice_generator.config import load_config
from synthetic_invoice_generator.draft import draft
from synthetic_invoice_generator.looks.rendering import render_pdf
from tests.soak.processes import memory
from tests.soak.serving import Service, serving
from tests.tiny_model import build_tiny_model, random_weights, tiny_config, write_config

ROOT = Path(__file__).parents[1]
GENERATOR = ROOT / "configs/generator/pretrain.yaml"
SHIPPED = ROOT / "erniekit_finetuning/assets/ernie-4.5-tiny"
CLIENTS, TOKENS, EVERY, WARM = 4, 40, 20, 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--readings", type=int, default=2000)
    readings = parser.parse_args().readings
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "ERNIE_INVOICE_KEPT__FOLDER": folder,
            "ERNIE_FINETUNED_PATH": str(quick_model(Path(folder) / "model")),
            "ERNIE_INVOICE_ERNIE_VL__MAX_NEW_TOKENS": str(TOKENS),
            "ERNIE_INVOICE_ERNIE_VL__ROWS": str(CLIENTS),
        }
        began = time.monotonic()
        with serving(settings, faults) as service:
            weights = read_all(service, readings)
        seconds = time.monotonic() - began
    if faults:
        raise SystemExit("\n".join(faults))
    warm = weights[int(len(weights) * WARM) :]
    quarter = len(warm) // 4
    first, last = warm[:quarter], warm[-quarter:]
    found = {
        role: {
            "first quarter": round(median(one[role] for one in first), 1),
            "last quarter": round(median(one[role] for one in last), 1),
            "at most": round(max(one[role] for one in warm), 1),
        }
        for role in weights[0]
    }
    print(
        json.dumps({"readings": readings, "seconds": round(seconds), "megabytes": found}, indent=2)
    )


def quick_model(folder: Path) -> Path:
    """Random weights behind the shipped model's tokens."""
    build_tiny_model(folder, context=4096)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(SHIPPED / name, folder)
    vocabulary = json.loads((SHIPPED / "config.json").read_text())["vocab_size"]
    write_config(folder, tiny_config(vocabulary, context=4096))
    weights = random_weights(vocabulary, seed=3)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder


def read_all(service: Service, readings: int) -> list[dict[str, float]]:
    """Have documents read; the memory by role after every few of them."""
    world = load_config(GENERATOR).model_copy(update={"max_lines": 1})
    made = [draft(world, seed=8, index=index) for index in range(24)]
    documents = [render_pdf(one.invoice, one.style) for one in made]
    own = local()

    def read(number: int) -> dict[str, float] | None:
        if not hasattr(own, "http"):
            own.http = service.client()
        http: httpx.Client = own.http
        file = {"file": ("a.pdf", documents[number % len(documents)])}
        http.post("/v1/invoices:extract", files=file).raise_for_status()
        return memory(service.pid) if number % EVERY == 0 else None

    with ThreadPoolExecutor(CLIENTS) as pool:
        return [one for one in pool.map(read, range(readings)) if one is not None]


if __name__ == "__main__":
    main()

"""Preparation of a million records: records a second, memory, and what images cost.

    python benchmarks/bench_data.py [records] [images]

`chat` and `mixed` are files of the record shapes of the field (mixed: three of seven rows are
invoices, the others conversations), converted by `prepare_data.py` in a process of its own, one
core, no image opened, answers as printed. `checked` asks for a full analysis: every invoice's
values are typed and checked by the rules. `bare` parses the same lines as JSON and writes them
again: what no converter can avoid. `images` opens and decodes real pages; the share of that in all
the CPU time is what the same preparation without it does not spend. One JSON object on stdout.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from erniekit_finetuning.data.building import Building
from erniekit_finetuning.data.preparing import prepare
from erniekit_finetuning.data.prompts import Instruction
from erniekit_finetuning.data.record import Folders
from erniekit_finetuning.data.shards import Plan
from erniekit_finetuning.data.sources.active_learning import Reading
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.dataset.generate import generate

SCRIPT = Path(__file__).resolve().parents[1] / "erniekit_finetuning" / "prepare_data.py"
ANSWER: dict[str, Any] = {
    "vendor_block": {"name": "Acme GmbH", "address": "Weg 1\n12345 Ort", "tax_id": "DE123456788"},
    "client_info": {"name": "Kunde", "invoice_number": "R-1", "invoice_date": "01.02.2024"},
    "line_items": [
        {"description": f"Ding {at}", "quantity": "2", "unit_price": "3,00", "line_total": "6,00"}
        for at in range(3)
    ],
    "financial_summary": {"subtotal": "18,00", "tax": "3,42", "grand_total": "21,42"},
}


def chat(at: int) -> dict[str, Any]:
    """Conversations in four shapes."""
    shapes: tuple[dict[str, Any], ...] = (
        {"prompt": f"Say {at}", "completion": f"Hello {at}"},
        {"instruction": "Translate", "input": f"word {at}", "output": f"Wort {at}"},
        {"conversations": [{"from": "human", "value": f"q{at}"}, {"from": "gpt", "value": "a"}]},
        {
            "messages": [
                {"role": "user", "content": f"q {at}"},
                {"role": "assistant", "content": "a"},
            ]
        },
    )
    return shapes[at % 4]


def invoice(at: int) -> dict[str, Any]:
    """Invoices in three shapes."""
    head = {"document_id": f"d{at}", "source_file": f"{at}.png"}
    fields = [
        {"field_name": "vendor_name", "value": "Acne", "confidence": 0.4},
        {"field_name": "total", "value": "11.90", "confidence": 0.9},
    ]
    corrected = {"structured_data": {"vendor_block": {"name": "Acme Ltd"}}}
    shapes: tuple[dict[str, Any], ...] = (
        head | {"extracted_data": fields, "correction": {"vendor_name": "Acme"}},
        head | {"model_output": ANSWER, "validation": {"is_valid": True}, "needs_review": False},
        head | {"original_data": {"structured_data": ANSWER}, "corrected_data": corrected},
    )
    return shapes[at % 3]


def mixed(at: int) -> dict[str, Any]:
    """Three invoices, four conversations."""
    return invoice(at) if at % 7 < 3 else chat(at)


def lines(shape: Any, count: int) -> Iterator[str]:
    return (json.dumps(shape(at)) + "\n" for at in range(count))


def converted(source: Path, output: Path, instruction: str) -> tuple[float, float]:
    """CPU seconds and peak megabytes of the user's command."""
    command = [
        sys.executable, str(SCRIPT), "--data", str(source), "--output", str(output),
        "--instruction", instruction, "--no-text", "--no-image-check",
    ]  # fmt: skip
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(run.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {status}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def bare(source: Path, output: Path) -> float:
    """CPU seconds of reading and writing the same lines."""
    before = time.process_time()
    with source.open(encoding="utf-8") as read, output.open("w", encoding="utf-8") as written:
        for line in read:
            written.write(json.dumps(json.loads(line), ensure_ascii=False) + "\n")
    return time.process_time() - before


def with_images(folder: Path, documents: int) -> dict[str, object]:
    """The share of decoding when every image is opened."""
    generate(GeneratorConfig(), documents, folder / "set", seed=3)
    folders = Folders(folder / "set" / "images", folder / "set" / "ground_truth", folder / "set")
    spent, converted_documents = {}, 0
    for checked in (False, True):
        how = Building(Instruction.EXTRACTION, text=False, boxes=False, check_images=checked)
        plan = Plan(folders, Reading(typed=False), how)
        before = time.process_time()
        summary = prepare(str(folder / "set" / "training_manifest.json"), folder / "p.jsonl", plan)
        spent[checked] = time.process_time() - before
        converted_documents = summary.converted
    return {
        "documents": converted_documents,
        "a_second": round(converted_documents / spent[True], 1),
        "share_of_opening_and_decoding": round(1 - spent[False] / spent[True], 3),
    }


def main() -> None:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    images = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    result: dict[str, object] = {"records": records}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tasks = {
            "chat": (chat, "extraction", records),
            "mixed": (mixed, "extraction", records),
            "checked": (invoice, "full_analysis", records // 20),
        }
        for task, (shape, instruction, count) in tasks.items():
            source, output = folder / f"{task}.jsonl", folder / f"{task}.out.jsonl"
            with source.open("w", encoding="utf-8") as file:
                file.writelines(lines(shape, count))
            seconds, memory = converted(source, output, instruction)
            floor = bare(source, folder / "bare.jsonl")
            result[task] = {
                "records": count,
                "a_second": round(count / seconds),
                "peak_mb": round(memory, 1),
                "bare_a_second": round(count / floor),
            }
            source.unlink()
            output.unlink()
        result["images"] = with_images(folder, images)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()

"""Seeds for fuzz_invoice.py: one good input of each kind, so that fuzzing starts deep inside."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random

from erniekit_finetuning.invoice.ground_truth import to_ground_truth
from erniekit_finetuning.invoice.own_json import to_own
from erniekit_finetuning.invoice.plain import to_plain
from erniekit_finetuning.invoice.response import structured_data
from synthetic_invoice_generator.locale import load_locale, locale_codes
from synthetic_invoice_generator.scenario.scene import draw_scene, invoice_of

HERE = Path(__file__).parent


def main(folder: Path) -> None:
    """Write the seeds; the first byte of each picks its reader."""
    folder.mkdir(parents=True, exist_ok=True)
    seeds: list[bytes] = []
    for line in (HERE.parent / "tables/money.txt").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            printed = line.split(" | ")[1].encode()
            seeds += [b"\x00" + printed, b"\x03" + printed + b"\n" + printed]
    for text in ("03/04/2025", "3. April 2025", "令和7年4月3日", "DE89370400440532013000"):
        seeds.append(b"\x00" + text.encode())
    for code in locale_codes():
        invoice = invoice_of(draw_scene(Random(code), load_locale(code), max_lines=2))
        answer = {"structured_data": structured_data(invoice)}
        for shape in (to_own(invoice), to_plain(invoice), to_ground_truth(invoice, "a"), answer):
            seeds.append(b"\x01" + json.dumps(shape, ensure_ascii=False).encode())
        seeds.append(b"\x04" + json.dumps(answer, ensure_ascii=False).encode())
    for file in sorted((HERE.parent / "tables").glob("*.xml")):
        seeds.append(b"\x02" + file.read_bytes())
    for number, seed in enumerate(seeds):
        (folder / f"{number:04d}").write_bytes(seed)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Our own files for upstream: `python tests/upstream/our_files.py FOLDER`.

Generated invoices of a few lines and some conversations, prepared by the user's command in the
formats that text models are trained with.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.dataset.generate import generate
from synthetic_invoice_generator.settings import Shares

SCRIPT = Path(__file__).resolve().parents[2] / "erniekit_finetuning" / "prepare_data.py"
CONFIG = GeneratorConfig(max_lines=2, shares=Shares(conditions=0))


def write_files(folder: Path) -> dict[str, Path]:
    """Files of the formats messages, erniekit and alpaca below `folder`, by format."""
    generate(CONFIG, 3, folder / "set", seed=8)
    rows = json.loads((folder / "set" / "training_manifest.json").read_text(encoding="utf-8"))
    rows += [
        {"prompt": "Say <image>\\n \u201cas it is\u201d", "completion": {"total": "5.00"}},
        {"instruction": "Add", "input": "1 and 1", "output": "2"},
    ]
    source = folder / "set" / "mixed.json"
    source.write_text(json.dumps(rows), encoding="utf-8")
    made = {}
    for name in ("messages", "erniekit", "alpaca"):
        made[name] = folder / f"{name}.jsonl"
        subprocess.run(
            [
                sys.executable, str(SCRIPT), "--data", str(source), "--format", name,
                "--text-route", "--strict", "--output", str(made[name]),
            ],
            check=True,
        )  # fmt: skip
    return made


if __name__ == "__main__":
    for path in write_files(Path(sys.argv[1])).values():
        print(path)

"""Peak memory of the generator by the size of the set: flat, whatever is asked for.

    python benchmarks/memory_of_sets.py [documents ...]

Each set is made by `ernie-invoice generate` in processes of its own, one worker, into a folder that
is removed afterwards. One JSON object a set on stdout: pages, peak resident size of the largest
process in MB (as the kernel counts it), and seconds of CPU.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("ernie-invoice")


def main() -> None:
    for documents in [int(argument) for argument in sys.argv[1:]] or [100, 1000]:
        with tempfile.TemporaryDirectory() as folder:
            command = [str(PROGRAM), "generate", "--count", str(documents), "--output", folder]
            run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            _, status, used = os.wait4(run.pid, 0)
            if status:
                raise SystemExit(f"{' '.join(command)} ended with {status}")
            pages = len(list((Path(folder) / "images").iterdir()))
        print(
            json.dumps(
                {
                    "documents": documents,
                    "pages": pages,
                    "peak_mb": round(used.ru_maxrss / 1024, 1),
                    "cpu_s": round(used.ru_utime + used.ru_stime, 1),
                }
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()

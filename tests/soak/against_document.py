"""A running `ernie-invoice serve` held against its OpenAPI document (`make schemathesis`).

python -m tests.soak.against_document [--examples 300]

Answers are cut off after a few tokens. Exits with schemathesis' own code: 1 where an answer is not
as documented.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.soak.serving import serving

CONFIG = Path(__file__).parents[1] / "schemathesis.toml"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--examples", type=int, default=300)
    options = parser.parse_args()
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "ERNIE_INVOICE_KEPT__FOLDER": folder,
            "ERNIE_INVOICE_ERNIE_VL__MAX_NEW_TOKENS": "20",
        }
        with serving(settings, faults) as service:
            asking = subprocess.run(
                [
                    str(Path(sys.executable).with_name("schemathesis")),
                    f"--config-file={CONFIG}",
                    "run",
                    f"http://127.0.0.1:{service.port}/openapi.json",
                    f"--header=Authorization: Bearer {service.key}",
                    f"--max-examples={options.examples}",
                    "--continue-on-failure",
                ],
                cwd=folder,
            )
    print("\n".join(faults), file=sys.stderr)
    sys.exit(asking.returncode or bool(faults))


if __name__ == "__main__":
    main()

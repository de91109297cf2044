"""Libraries choose fast arithmetic, and who knows better is heard."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from erniekit_finetuning.processor import hints, said_by_linux

WIDE = "fpu avx2 fma avx512f avx512bw avx512dq avx512vl"
SHOW = """
import json, erniekit_finetuning, numpy
from threadpoolctl import threadpool_info
found = [one for one in threadpool_info() if one["prefix"] == "libopenblas"]
print(json.dumps([one["architecture"] for one in found]))
"""


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"vendor_id": "GenuineIntel", "flags": WIDE}, {"OPENBLAS_CORETYPE": "SKYLAKEX"}),
        (
            {"vendor_id": "GenuineIntel", "flags": "avx2 fma avx512f"},
            {"OPENBLAS_CORETYPE": "HASWELL"},
        ),
        ({"vendor_id": "GenuineIntel", "flags": "sse2"}, {}),
        ({"vendor_id": "AuthenticAMD", "flags": "sse2"}, {"MKL_DEBUG_CPU_TYPE": "5"}),
        ({"Features": "fp asimd"}, {}),
        ({}, {}),
    ],
)
def test_a_processor_is_known_by_what_it_can_do(
    said: dict[str, str], expected: dict[str, str]
) -> None:
    assert hints(said) == expected


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc/cpuinfo")
@pytest.mark.parametrize("given", [None, "Haswell"])
def test_numpy_multiplies_as_it_was_told(given: str | None) -> None:
    pytest.importorskip("threadpoolctl")
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}
    if given is not None:
        environment["OPENBLAS_CORETYPE"] = given
    done = subprocess.run(
        [sys.executable, "-c", SHOW], env=environment, check=True, capture_output=True, text=True
    )
    told = given or hints(said_by_linux()).get("OPENBLAS_CORETYPE")
    if told is None:
        pytest.skip("nothing is told of this processor")
    assert [one.casefold() for one in json.loads(done.stdout)] == [told.casefold()]

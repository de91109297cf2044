"""What numerical libraries are told of this machine's processor, before they are loaded.

They choose their arithmetic by names of processors that they know, and take the slowest for one
that is newer than they are, whatever it can do.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path


def tell_libraries() -> None:
    """Set what is not set already; too late for a library that is loaded, not for processes begun
    later."""
    for name, value in hints(said_by_linux()).items():
        os.environ.setdefault(name, value)


def hints(said: Mapping[str, str]) -> dict[str, str]:
    """Environment variables for a processor as /proc/cpuinfo describes it.

    >>> hints({"vendor_id": "AuthenticAMD", "flags": "fpu fma avx2"})
    {'OPENBLAS_CORETYPE': 'HASWELL', 'MKL_DEBUG_CPU_TYPE': '5'}
    """
    found = {}
    flags = set(said.get("flags", "").split())
    # numpy 1.26 brings an OpenBLAS of 2023: on Intel's processors of 2024 it multiplies with the
    # instructions of 2004, five times slower.
    if {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= flags:
        found["OPENBLAS_CORETYPE"] = "SKYLAKEX"
    elif {"avx2", "fma"} <= flags:
        found["OPENBLAS_CORETYPE"] = "HASWELL"
    # Paddle brings an MKL of 2019, which takes its slowest path on other makers' processors; told
    # to take the AVX2 path it multiplies 2.4 times faster.
    if said.get("vendor_id") == "AuthenticAMD":
        found["MKL_DEBUG_CPU_TYPE"] = "5"
    return found


def said_by_linux() -> dict[str, str]:
    """The first processor's lines, without waiting for those of all others; nothing on other
    systems."""
    file = Path("/proc/cpuinfo")
    if not file.is_file():
        return {}
    with file.open(encoding="utf-8") as lines:
        pairs = [line.partition(":") for line in takewhile(str.strip, lines)]
    return {name.strip(): value.strip() for name, _, value in pairs}

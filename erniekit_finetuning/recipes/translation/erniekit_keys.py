"""The keys that ERNIEKit reads; it ignores every other one without a word."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("erniekit_keys.json")


@cache
def erniekit_keys() -> frozenset[str]:
    """Keys of ERNIEKit 1.0.1; how they were read off stands in the file."""
    return frozenset(json.loads(_FILE.read_text(encoding="utf-8"))["erniekit 1.0.1"])


@cache
def source_checkout_keys() -> frozenset[str]:
    """Keys of 1.0.1 and those that a source checkout's official recipes have beside them."""
    told = json.loads(_FILE.read_text(encoding="utf-8"))
    return erniekit_keys() | frozenset(told["source checkout, beside these"])

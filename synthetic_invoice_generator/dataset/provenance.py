"""What a set is made with. Another drawing code, library or typeface would draw other bytes."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

from synthetic_invoice_generator.looks.fonts import installed

_LIBRARIES = ("typst", "pypdfium2", "opencv-python-headless", "numpy", "Faker", "babel")
_ROOM = Path(__file__).parent.parent


@cache
def made_with() -> dict[str, object]:
    """The generator's own fingerprint, the versions of what draws, and the typefaces at hand."""
    digest = hashlib.sha256()
    for path in sorted(_ROOM.rglob("*")):
        if path.suffix in (".py", ".typ", ".yaml"):
            digest.update(path.relative_to(_ROOM).as_posix().encode() + b"\0" + path.read_bytes())
    return {
        "generator": digest.hexdigest()[:16],
        "libraries": {name: version(name) for name in _LIBRARIES},
        "typefaces": sorted(installed()),
    }

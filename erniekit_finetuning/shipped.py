"""Files that ship with the package: recipes and generator settings under configs/."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parent
# In a checkout configs/ stands beside the package; an installation carries it inside.
_ROOTS = (_HERE.parent, _HERE)


def shipped(path: Path) -> Path:
    """`path` itself where it exists, else the shipped file of that name.

    `configs/ernie-4.5-tiny/invoice.yaml` is found from any folder. A path that is nowhere comes
    back as it is: whoever opens it says that it is missing.
    """
    if path.exists() or path.is_absolute():
        return path
    found = (root / path for root in _ROOTS if (root / path).is_file())
    return next(found, path)

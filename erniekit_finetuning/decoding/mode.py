"""How a model may answer."""

from __future__ import annotations

from enum import StrEnum


class Decoding(StrEnum):
    """`grounded`: JSON of the answer's shape, values only from the document. `free`: anything."""

    GROUNDED = "grounded"
    FREE = "free"

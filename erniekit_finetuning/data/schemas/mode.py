"""How closely an answer is held to its document."""

from __future__ import annotations

from enum import StrEnum


class Decoding(StrEnum):
    """`strict`: every value stands in the document. `prefer`: unless the model is surer of another.

    `off`: only the shape is held: keys, types and bounds; where no shape is known, nothing is.
    """

    STRICT = "strict"
    PREFER = "prefer"
    OFF = "off"

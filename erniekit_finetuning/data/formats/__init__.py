"""The formats that engines read, each written from pairs and read back."""

from __future__ import annotations

from collections.abc import Mapping

from erniekit_finetuning.data.formats import alpaca, chat, erniekit, erniekit_vl, pairs
from erniekit_finetuning.data.formats.format import Format

FORMATS: Mapping[str, Format] = {
    one.name: one
    for one in (
        pairs.PAIRS,
        chat.MESSAGES,
        erniekit.ERNIEKIT,
        erniekit_vl.ERNIEKIT_VL,
        chat.SHAREGPT,
        alpaca.ALPACA,
    )
}

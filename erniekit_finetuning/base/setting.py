"""What a text page is set from, and how one page sets it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from erniekit_finetuning.base.text_rows import Hand, invented_words
from synthetic_invoice_generator.chance import digits, pick


@dataclass(frozen=True)
class Source:
    """Strings of a drawn invoice (`looks.view.page_view`), its labels, its language, its truth."""

    view: Mapping[str, Any]
    labels: Mapping[str, str]
    language: str
    data: Mapping[str, Any]


class Setting:
    """One page while it is set: chance, hand, source, a second invoice that lends strangers.

    `data` is the truth of what the page prints; blocks change it where they print another form.
    `among_data` and `below` are labels and values that a block leaves to other places.
    """

    def __init__(self, rng: Random, hand: Hand, source: Source, other: Source) -> None:
        """Copy the truth."""
        self.rng, self.hand, self.source, self.other = rng, hand, source, other
        self.view, self.labels = source.view, source.labels
        self.data: dict[str, Any] = copy.deepcopy(dict(source.data))
        self.among_data: list[tuple[str, str]] = []
        self.below: list[tuple[str, str]] = []


def contact(rng: Random) -> str:
    """A row of a telephone, a mail address, a number that nobody asks for."""
    number = f"{digits(rng, 3)} {digits(rng, 3)} {digits(rng, 4)}"
    site = invented_words(rng, 1).lower()
    return pick(
        rng,
        (
            f"Tel. {number}",
            f"fon {number}",
            f"+{digits(rng, 2)} {number}",
            f"Fax {number}",
            f"info@{site}.example",
            f"www.{site}.example",
            f"GLN: {digits(rng, 13)}",
            f"SIREN / SIRET : {digits(rng, 9)}",
            f"Nr. {digits(rng, 6)}",
            invented_words(rng, 3),
        ),
    )

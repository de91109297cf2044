"""What speaks against a reading when it is made: it orders the queue of the reviewers."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from erniekit_finetuning.extraction import Extraction
from erniekit_finetuning.invoice.rules import Status
from erniekit_finetuning.own_extraction import OwnExtraction

CUT = "cut off"  # counts as a rule that failed: lines may be missing


@dataclass(frozen=True)
class Doubts:
    """`unsure`: how many fields are expected to be wrong, the sum of 1 - confidence.

    `least_sure` is the field of the lowest confidence, `failed` are the rules that fail, `seller`
    is a name that is the same however it is printed; None where there is none.
    """

    unsure: float = 0.0
    least_sure: str | None = None
    failed: tuple[str, ...] = ()
    seller: str | None = None


def doubts_of(read: Extraction | OwnExtraction) -> Doubts:
    """The doubts about a reading; one in a schema of one's own names no seller and no rule."""
    sure = read.confidence
    cut = (CUT,) if read.truncated else ()
    failed: tuple[str, ...] = ()
    seller = None
    if isinstance(read, Extraction):
        failed = tuple(
            dict.fromkeys(one.rule for one in read.findings if one.status is Status.FAIL)
        )
        name = read.invoice.seller.name
        seller = None if name is None else seller_key(name.printed)
    return Doubts(
        unsure=round(sum(1 - one for one in sure.values()), 4),
        least_sure=min(sure, key=sure.__getitem__, default=None),
        failed=(*cut, *failed),
        seller=seller,
    )


def seller_key(name: str) -> str | None:
    """A seller's name without case, width, marks and white space; None where nothing is left.

    >>> seller_key("ACME  G.m.b.H.") == seller_key("Acme GmbH")
    True
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(sign for sign in folded if sign.isalnum()) or None

"""A document in pieces that a value cannot divide."""

from __future__ import annotations

import re
from collections.abc import Iterator

from erniekit_finetuning.documents.text import UNSPACED

ROW_END = "\n"

# Lone surrogates, too: no token says one.
_SEPARATORS = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029\ud800-\udfff]+")
# Spans start and end between units. A number stays whole with its separators, so that 1.50 cannot
# be read out of 21.50; letters and digits may part (12,50 of EUR12,50).
_UNIT = re.compile(rf"\d+(?:[.,'’]\d+)*|[{UNSPACED}]|(?:(?![{UNSPACED}])[^\W\d_])+|.", re.DOTALL)


def rows(document_text: str) -> Iterator[list[str]]:
    """The units of each printed row of each column; a value never goes over its end.

    >>> list(rows("Total\\tEUR12,50"))
    [['Total'], ['EUR', '12,50']]
    """
    for row in _SEPARATORS.split(document_text):
        yield _UNIT.findall(re.sub(" +", " ", row))

"""SROIE's scores of key information: entities that are exactly right, of those found and true."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from erniekit_finetuning.evaluation.field_metrics.plain_json import number_text

# SROIE's four entities -> where an answer of ours has them (see invoice/response.py)
SROIE = {
    "company": ("vendor_block", "name"),
    "address": ("vendor_block", "address"),
    "date": ("client_info", "invoice_date"),
    "total": ("financial_summary", "grand_total"),
}
_DATA = "structured_data"


class EntityCounts(NamedTuple):
    """Entities of a document, or of many when summed: right, in the truth, in the prediction."""

    right: int
    expected: int
    found: int


def entity_counts(truth: Mapping[str, str | None], found: Mapping[str, str | None]) -> EntityCounts:
    """Entities by name; right is one whose text equals the truth's, character by character.

    ICDAR 2019 SROIE, task 3 (Huang et al. 2019): precision is right / found and recall right /
    expected over all documents. An entity that is None or blank is none.

    >>> entity_counts({"total": "9.00", "date": "1 May"}, {"total": "9.00", "date": ""})
    EntityCounts(right=1, expected=2, found=1)
    """
    expected, predicted = _present(truth), _present(found)
    return EntityCounts(
        right=len(expected.items() & predicted.items()),
        expected=len(expected),
        found=len(predicted),
    )


def invoice_entities(value: Any) -> dict[str, str]:
    """SROIE's four entities of an answer {"structured_data": ..}, else all leaves at the top.

    A leaf is a text or a number, and a number counts by its text. A value that is not an object
    has no entities.

    >>> invoice_entities({"structured_data": {"vendor_block": {"name": "Alba Ltd"}}})
    {'company': 'Alba Ltd'}
    >>> invoice_entities({"company": "Alba Ltd", "lines": [], "total": 9})
    {'company': 'Alba Ltd', 'total': '9'}
    """
    if not isinstance(value, Mapping):
        return {}
    if _DATA in value:
        leaves = {name: _at(value[_DATA], *path) for name, path in SROIE.items()}
    else:
        leaves = dict(value)
    texts = {name: _text(leaf) for name, leaf in leaves.items()}
    return _present(texts)


def _at(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _text(leaf: Any) -> str | None:
    if isinstance(leaf, str):
        return leaf
    if isinstance(leaf, bool) or not isinstance(leaf, int | float | Decimal):
        return None
    return number_text(leaf)


def _present(entities: Mapping[str, str | None]) -> dict[str, str]:
    return {name: text for name, text in entities.items() if text is not None and text.strip()}

"""A model's answer to a typed Invoice, read strictly: valid as it stands, or not at all."""

from __future__ import annotations

from typing import Any, NamedTuple

from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.invoice.model import Invoice
from erniekit_finetuning.invoice.response import from_structured_data
from erniekit_finetuning.invoice.strict_json import parse
from erniekit_finetuning.invoice.values import typed

_TOP = {"structured_data", "validation_summary", "confidence_scores"}
_SUMMARY = {"is_valid", "math_verified", "issues"}
EMPTY = Invoice()


class Answer(NamedTuple):
    """What an answer says. `problem` tells why it is not valid; its invoice is then empty."""

    invoice: Invoice = EMPTY
    said_valid: bool | None = None
    problem: str | None = None


def read_answer(text: str, finished: bool = True) -> Answer:
    """Read the whole text as one JSON object of the answer's shape; nothing is repaired.

    Not valid: an answer that the token limit cut off, text around the JSON, a key given twice, an
    unknown key, a value of the wrong type. A known key that is left out counts as null.

    >>> read_answer('{"structured_data": {"total": "5.00"}}').problem
    'unknown key: total'
    """
    if not finished:
        return Answer(problem="cut off by the token limit")
    if not text.strip():
        return Answer(problem="empty")
    try:
        return _answer(parse(text))
    except UnusableInput as error:
        return Answer(problem=str(error.problems[0]))
    except _NotValid as error:
        return Answer(problem=str(error))


class _NotValid(Exception):
    """JSON, but not an answer."""


def _answer(data: Any) -> Answer:
    if not isinstance(data, dict) or not isinstance(data.get("structured_data"), dict):
        raise _NotValid("no structured_data object")
    summary = data.get("validation_summary")
    if summary is None:
        summary = {}
    if not isinstance(summary, dict):
        raise _NotValid("validation_summary is not an object")
    said = summary.get("is_valid")
    if said is not None and not isinstance(said, bool):
        raise _NotValid("validation_summary.is_valid is not true or false")
    read = from_structured_data(data)
    unknown = [*read.unknown, *(data.keys() - _TOP)]
    unknown += [f"validation_summary.{key}" for key in summary.keys() - _SUMMARY]
    if unknown:
        raise _NotValid(f"unknown key: {', '.join(sorted(unknown))}")
    return Answer(typed(read.invoice), said)

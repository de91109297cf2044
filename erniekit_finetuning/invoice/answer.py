"""A model's answer to a typed Invoice, read strictly: nothing is repaired.

What the token limit cut off is read as far as it goes, and says so.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.invoice.closing import closed
from erniekit_finetuning.invoice.model import Invoice
from erniekit_finetuning.invoice.response import from_structured_data
from erniekit_finetuning.invoice.strict_json import parse
from erniekit_finetuning.invoice.values import typed

_TOP = {"structured_data", "validation_summary", "confidence_scores"}
_SUMMARY = {"is_valid", "math_verified", "issues"}
EMPTY = Invoice()


class Answer(NamedTuple):
    """What an answer says. `problem` tells why it is not valid, None where it is.

    `data` is its JSON object, None when it is not one. An answer whose only fault is a key that has
    no place (`unknown`) is read without it; of any other fault the invoice is empty. `truncated`:
    the token limit cut it off, so what is null may only not have been said yet.
    """

    invoice: Invoice = EMPTY
    said_valid: bool | None = None
    problem: str | None = None
    data: dict[str, Any] | None = None
    unknown: tuple[str, ...] = ()
    truncated: bool = False


def read_answer(text: str, finished: bool = True) -> Answer:
    """Read the whole text as one JSON object of the answer's shape; nothing is repaired.

    Not valid: text around the JSON, a key given twice, an unknown key, a value of the wrong type. A
    known key that is left out counts as null. An unfinished answer is closed (see `closing`).

    >>> read_answer('{"structured_data": {"total": "5.00"}}').problem
    'unknown key: total'
    """
    data, problem = read_object(text, finished)
    answer = Answer(problem=problem) if data is None else read_data(data)
    return answer if finished else answer._replace(truncated=True)


def read_data(data: dict[str, Any]) -> Answer:
    """Read an answer that is parsed already; see `read_answer`."""
    try:
        return _answer(data)
    except UnusableInput as error:
        return Answer(problem=str(error.problems[0]), data=data)
    except _NotValid as error:
        return Answer(problem=str(error), data=data)


def read_object(
    text: str, finished: bool = True, number: Any = str
) -> tuple[dict[str, Any] | None, str | None]:
    """The JSON object that a text is, or None and why it is none; `number`: see `parse`.

    Of an unfinished text it is what is whole of it.
    """
    if not text.strip():
        return None, "empty"
    try:
        data = parse(text if finished else closed(text).text, number)
    except UnusableInput as error:
        return None, str(error.problems[0])
    return (data, None) if isinstance(data, dict) else (None, "not a JSON object")


class _NotValid(Exception):
    """JSON, but not an answer."""


def _answer(data: dict[str, Any]) -> Answer:
    if not isinstance(data.get("structured_data"), dict):
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
    problem = f"unknown key: {', '.join(sorted(unknown))}" if unknown else None
    return Answer(typed(read.invoice), said, problem, data, tuple(sorted(unknown)))

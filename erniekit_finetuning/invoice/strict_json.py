"""JSON read strictly: numbers stay the text they were written as, nothing is repaired."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NoReturn

from erniekit_finetuning.errors import Problem, UnusableInput

_LONG = 1000  # digits; Python makes no int of many more


def parse(text: str | bytes, number: Callable[[str], Any] = str) -> Any:
    """The value a whole JSON text says; 5.00 stays "5.00", so no amount goes through a float.

    `number` makes something else of a number's text, such as a Decimal.

    Raises UnusableInput for bytes that are not UTF-8, for text that is not JSON or goes on after
    it, for NaN and Infinity, for a key given twice, and for nesting beyond Python's recursion.

    >>> parse('{"total": 5.00}')
    {'total': '5.00'}
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8-sig")
        return json.loads(
            text,
            parse_float=number,
            parse_int=number,
            parse_constant=_no_number,
            object_pairs_hook=_object,
        )
    except UnicodeDecodeError as error:
        raise UnusableInput(
            Problem("not UTF-8", found=f"byte {error.start}", cure="save it as UTF-8")
        ) from error
    except json.JSONDecodeError as error:
        raise UnusableInput(Problem(f"not JSON: {error.msg} at character {error.pos}")) from error
    except RecursionError as error:
        raise UnusableInput(Problem("not JSON: nested too deeply")) from error


def exact_number(text: str) -> int | Decimal:
    """A number of a JSON text, exactly; for `parse`."""
    whole = len(text) < _LONG and text.lstrip("-").isdigit()
    return int(text) if whole else Decimal(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise UnusableInput(Problem(f"key given twice: {twice[:60]}"))
    return found


def _no_number(text: str) -> NoReturn:
    raise UnusableInput(Problem(f"not JSON: {text}"))

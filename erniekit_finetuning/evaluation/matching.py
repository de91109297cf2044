"""Truth against prediction, field by field: what matched, before any score is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rapidfuzz.fuzz import ratio

from erniekit_finetuning.invoice.model import Invoice, Line, Printed
from erniekit_finetuning.invoice.response import CLIENT, LINE, SUMMARY, VENDOR, printed_once

LINES = "lines."
# Below this similarity two lines are not the same line: one is missing, the other invented.
_SAME_LINE = 0.3
_DESCRIPTION_WEIGHT = 3
_LINE_AMOUNTS = ("quantity", "unit_price", "net_amount")


class Kind(StrEnum):
    """How two values of a field are compared."""

    TEXT = "text"
    AMOUNT = "amount"
    DATE = "date"


class Verdict(StrEnum):
    """What a prediction did with a field.

    `missing`: the truth has it, the prediction not. `invented`: the prediction has it, the truth
    not. `absent`: neither has it.
    """

    CORRECT = "correct"
    WRONG = "wrong"
    MISSING = "missing"
    INVENTED = "invented"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Match:
    """One field of one document. Line fields carry the truth's and the prediction's line index."""

    field: str
    kind: Kind
    verdict: Verdict
    expected: str | None = None
    found: str | None = None
    line: int | None = None
    found_line: int | None = None


FIELDS = (*VENDOR.values(), *CLIENT.values(), *SUMMARY.values(), "payment_terms")
LINE_FIELDS = tuple(f"{LINES}{name}" for name in LINE.values())


def kind_of(field: str) -> Kind:
    """Amount, date or text, by the field's path in the Invoice."""
    if field in ("issue_date", "due_date"):
        return Kind.DATE
    if field.startswith("totals.") or field in LINE_FIELDS[1:]:
        return Kind.AMOUNT
    return Kind.TEXT


_KINDS = {field: kind_of(field) for field in (*FIELDS, *LINE_FIELDS)}


def match_invoices(truth: Invoice, found: Invoice) -> list[Match]:
    """Compare two typed invoices; lines are first paired so that their similarity is largest.

    One printed amount that stands for two terms of the model is compared once.
    """
    one, other = printed_once(truth), printed_once(found)
    matches = [_match(field, _value(one, field), _value(other, field)) for field in FIELDS]
    for i, j in pair_lines(truth.lines, found.lines):
        expected = truth.lines[i] if i is not None else Line()
        predicted = found.lines[j] if j is not None else Line()
        for field, name in zip(LINE_FIELDS, LINE.values(), strict=True):
            values = getattr(expected, name), getattr(predicted, name)
            matches.append(_match(field, *values, line=i, found_line=j))
    return matches


def same(kind: Kind, expected: Printed[Any], found: Printed[Any]) -> bool:
    """Equal prints (case and white space aside), or equal values where both could be read.

    Text has a value of its own only for a currency: its ISO code, so EUR equals €.
    """
    if _plain(expected) == _plain(found):
        return True
    if expected.value is None or found.value is None:
        return False
    if kind is Kind.TEXT:
        return bool(expected.value.casefold() == found.value.casefold())
    return bool(expected.value == found.value)


def pair_lines(truth: Sequence[Line], found: Sequence[Line]) -> list[tuple[int | None, int | None]]:
    """Optimal one-to-one pairing of lines; a line without a partner stands beside None."""
    if len(truth) == len(found) and all(map(_equal_lines, truth, found)):
        return [(i, i) for i in range(len(truth))]
    pairs = _assigned(truth, found) if truth and found else {}
    left = sorted(set(range(len(found))) - set(pairs.values()))
    return [*((i, pairs.get(i)) for i in range(len(truth))), *((None, j) for j in left)]


def _assigned(truth: Sequence[Line], found: Sequence[Line]) -> dict[int, int]:
    from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

    # Of equally similar lines the nearer one is taken.
    table = [
        [_similarity(one, other) - 1e-6 * abs(i - j) for j, other in enumerate(found)]
        for i, one in enumerate(truth)
    ]
    rows, columns = linear_sum_assignment(table, maximize=True)
    return {int(i): int(j) for i, j in zip(rows, columns, strict=True) if table[i][j] >= _SAME_LINE}


def _similarity(one: Line, other: Line) -> float:
    """0 to 1: the description's likeness weighs as much as three equal amounts."""
    total = weight = 0.0
    if one.description or other.description:
        weight += _DESCRIPTION_WEIGHT
        if one.description and other.description:
            likeness = ratio(_plain(one.description), _plain(other.description)) / 100
            total += _DESCRIPTION_WEIGHT * likeness
    for name in _LINE_AMOUNTS:
        first, second = getattr(one, name), getattr(other, name)
        if first or second:
            weight += 1
            total += bool(first and second and same(Kind.AMOUNT, first, second))
    return total / weight if weight else 0.0


def _equal_lines(one: Line, other: Line) -> bool:
    return all(_print(getattr(one, name)) == _print(getattr(other, name)) for name in LINE.values())


def _match(
    field: str,
    expected: Printed[Any] | None,
    found: Printed[Any] | None,
    line: int | None = None,
    found_line: int | None = None,
) -> Match:
    kind = _KINDS[field]
    left, right = _print(expected), _print(found)
    if left is None or expected is None:
        verdict = Verdict.ABSENT if right is None else Verdict.INVENTED
    elif right is None or found is None:
        verdict = Verdict.MISSING
    else:
        verdict = Verdict.CORRECT if same(kind, expected, found) else Verdict.WRONG
    return Match(field, kind, verdict, left, right, line, found_line)


def _value(invoice: Invoice, field: str) -> Printed[Any] | None:
    parent: Any = invoice
    for name in field.split("."):
        parent = getattr(parent, name)
    value: Printed[Any] | None = parent
    return value


def _print(value: Printed[Any] | None) -> str | None:
    return value.printed if value is not None and value.printed.strip() else None


def _plain(value: Printed[Any]) -> str:
    return " ".join(value.printed.split()).casefold()

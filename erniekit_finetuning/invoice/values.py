"""Printed strings to typed values, decided by the document's own evidence, never guessed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

from erniekit_finetuning.invoice import amounts, dates
from erniekit_finetuning.invoice.conventions import usual_mark
from erniekit_finetuning.invoice.currencies import currency_readings, settled
from erniekit_finetuning.invoice.model import Invoice, Printed
from erniekit_finetuning.invoice.response import printed_once
from erniekit_finetuning.invoice.rules import adds_up
from erniekit_finetuning.invoice.walk import changed, leaves, mapped

# Subscripting the generic class takes longer than reading a number.
_NUMBER: type[Printed[Any]] = Printed[Decimal]
_DAY: type[Printed[Any]] = Printed[date]
_QUANTITIES = {"quantity", "price_base_quantity"}
_PERCENTS = {"percent", "rate", "tax_rate", "discount_rate"}
_CURRENCIES = {"currency", "tax_currency"}
_TRIED = 4  # ambiguous numbers whose every combination is tried; beyond, one mark for all


def typed(invoice: Invoice) -> Invoice:
    """A copy whose values are read from their prints.

    The decimal mark is decided by the numbers that allow only one; else by the mark under which
    the sums hold; else by what everybody with this language and currency writes. The order of
    dates likewise: by dates that allow only one, by the days of the payment terms or a due date
    that cannot be before the issue date, by language and currency.

    Evidence that disagrees decides nothing. A print that stays ambiguous keeps value None and
    lists its readings; one that cannot be read keeps value None and no readings.
    """
    prints = _prints(invoice)
    codes = _currencies(invoice, prints)
    marks = amounts.decimal_marks(prints.numbers.values())
    mark = marks.pop() if len(marks) == 1 else None
    order = _date_order(invoice, prints, codes)
    read = _read_all(invoice, prints, mark, order)
    if mark is None and any(_several(found) for found in prints.numbers.values()):
        read = _settled_by_sums(read)
        usual = None if marks else usual_mark(invoice.language, codes)
        if usual is not None:
            read = _settled(read, ".,".index(usual))
    return read


class _Prints(NamedTuple):
    """Readings of every print, by field kind and print."""

    numbers: dict[tuple[str, str], dict[str, Decimal]]
    dates: dict[str, dict[str, date]]


def _prints(invoice: Invoice) -> _Prints:
    found = _Prints({}, {})
    for path, value in leaves(invoice):
        printed = value.printed
        if isinstance(value, _NUMBER):
            key = (_kind(path.rpartition(".")[2]), printed)
            if key not in found.numbers:
                found.numbers[key] = _number(*key)
        elif isinstance(value, _DAY) and printed not in found.dates:
            found.dates[printed] = _day(printed)
    return found


# A truth and the answers to it print the same; nobody changes what these give.
@lru_cache(maxsize=65536)
def _number(kind: str, printed: str) -> dict[str, Decimal]:
    return _READ[kind](printed)


@lru_cache(maxsize=65536)
def _day(printed: str) -> dict[str, date]:
    return dates.readings(printed)


def _several(readings: Mapping[str, Decimal]) -> bool:
    return len(readings) > 1 and len(set(readings.values())) > 1


def _kind(field: str) -> str:
    if field in _PERCENTS:
        return "percent"
    return "quantity" if field in _QUANTITIES else "money"


_READ: Mapping[str, Callable[[str], dict[str, Decimal]]] = {
    "money": amounts.money,
    "percent": amounts.percent,
    "quantity": amounts.quantity,
}


def _currencies(invoice: Invoice, prints: _Prints) -> tuple[str, ...]:
    """What the invoice's currency may be; without one, what the signs beside amounts may be."""
    if invoice.currency is not None:
        return settled(currency_readings(invoice.currency.printed), invoice.language)
    beside = {amounts.currency_codes(print_) for kind, print_ in prints.numbers if kind == "money"}
    beside.discard(())
    return settled(beside.pop(), invoice.language) if len(beside) == 1 else ()


def _date_order(invoice: Invoice, prints: _Prints, codes: Collection[str]) -> str | None:
    if all(len(found) < 2 for found in prints.dates.values()):
        return None
    order = dates.day_order(prints.dates)
    if order is None and invoice.issue_date is not None and invoice.due_date is not None:
        order = dates.order_by_sequence(
            prints.dates[invoice.issue_date.printed],
            prints.dates[invoice.due_date.printed],
            _days(invoice.payment_terms),
        )
    return order or dates.usual_order(codes, invoice.language)


def _days(terms: Printed[str] | None) -> set[int]:
    words = [] if terms is None else terms.printed.split()
    return {int(word) for word in words if word.isascii() and word.isdigit() and len(word) < 4}


def _read_all(invoice: Invoice, prints: _Prints, mark: str | None, order: str | None) -> Invoice:
    language = (invoice.language or "").partition("-")[0]

    def change(name: str, value: Printed[Any]) -> Printed[Any]:
        if isinstance(value, _NUMBER):
            return _one(value, _preferred(prints.numbers[_kind(name), value.printed], mark))
        if isinstance(value, _DAY):
            found = prints.dates[value.printed]
            # "listopada" is October in Croatian and November in Polish: the language decides.
            return _one(value, _preferred(found, order if order in found else language))
        if name in _CURRENCIES:
            return _one(value, settled(currency_readings(value.printed), language))
        return changed(value, {"value": " ".join(value.printed.split())})

    return mapped(invoice, change)


def _preferred(found: dict[str, Any], decided: str | None) -> Iterable[Any]:
    return [found[decided]] if decided in found else dict.fromkeys(found.values())


def _one(value: Printed[Any], readings: Iterable[Any]) -> Printed[Any]:
    left = tuple(readings)
    one = len(left) == 1
    return changed(value, {"value": left[0] if one else None, "readings": () if one else left})


def _ambiguous(value: Printed[Any]) -> bool:
    return bool(value.readings) and isinstance(value.readings[0], Decimal)


def _settled_by_sums(invoice: Invoice) -> Invoice:
    """Settle the ambiguous numbers that have the same reading wherever the sums hold.

    Readings stand in the order of the marks: the first all with ".", the second all with ",".
    """
    unclear = [value for _, value in leaves(invoice) if _ambiguous(value)]
    if not unclear:
        return invoice
    every = [value.readings for value in unclear]
    tries = product(*every) if len(every) <= _TRIED else zip(*every, strict=True)
    # A rule between two terms that one printed amount fills would hold by itself.
    holding = [chosen for chosen in tries if adds_up(printed_once(_chosen(invoice, chosen)))]
    if not holding:
        return invoice
    agreed = [set(readings) for readings in zip(*holding, strict=True)]
    return _chosen(invoice, [readings.pop() if len(readings) == 1 else None for readings in agreed])


def _chosen(invoice: Invoice, readings: Iterable[Decimal | None]) -> Invoice:
    """A copy whose ambiguous numbers take these readings, in their order; None leaves one open."""
    left = iter(readings)

    def change(_: str, value: Printed[Any]) -> Printed[Any]:
        reading = next(left) if _ambiguous(value) else None
        return value if reading is None else _one(value, [reading])

    return mapped(invoice, change)


def _settled(invoice: Invoice, index: int) -> Invoice:
    """A copy whose ambiguous numbers take their first (".") or second (",") reading."""

    def change(_: str, value: Printed[Any]) -> Printed[Any]:
        return _one(value, [value.readings[index]]) if _ambiguous(value) else value

    return mapped(invoice, change)

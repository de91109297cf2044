"""Printed amounts, quantities and percents to Decimal: every reading that a print allows.

Each function gives its readings by decimal mark ("." or ","). Both marks give the same value when
the print is clear, only one is there when the other cannot be, and {} means not such a number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import lru_cache

from erniekit_finetuning.invoice.characters import in_ascii
from erniekit_finetuning.invoice.currencies import YEN_LIKE, currency_readings
from erniekit_finetuning.invoice.model import MAX_DIGITS, bounded

Readings = dict[str, Decimal]

_FORM = re.compile(
    r"(?P<before>(?:[^\d.,]|(?<=[A-Za-z])\.)*)(?P<body>\d[\d.,' ]*|[.,]\d+)(?P<after>\D*)", re.ASCII
)
_WESTERN = re.compile(r"[1-9]\d{0,2}(?P<sep>[.,' ])\d{3}(?:(?P=sep)\d{3})*", re.ASCII)
_INDIAN = re.compile(r"[1-9]\d?(?:,\d{2})*,\d{3}", re.ASCII)
# Words that say debit or credit, in capitals or not: a credit is money that is given back.
_CREDIT, _DEBIT = {"cr", "cr.", "credit"}, {"dr", "dr.", "debit"}
# Indian and East Asian units of counting that are printed after a number.
_TIMES = {
    **dict.fromkeys(("lakh", "lakhs", "lac", "lacs"), 10**5),
    **dict.fromkeys(("crore", "crores"), 10**7),
    **dict.fromkeys(("万", "萬", "만"), 10**4),
    **dict.fromkeys(("億", "亿", "억"), 10**8),
}
# What closes an amount without changing it: "only", tax letters; East Asian end marks.
_CLOSING = {"only", "only.", "*", "a", "b", "c", "d"}
_END_MARKS = "也整正 "
_OPENING = {"金"}
_UNIT = re.compile(r"(?:/|per |je |pro |par |por |al )\s*[^\W\d_]+\.?", re.IGNORECASE)
_BARE = "0123456789.,' "  # what a number without any sign beside it is made of
_JOINED = re.compile(r"(?<=[A-Za-z])-(?=[^\s-])")  # the hyphen of US-$, which is no minus
_PERCENT_SIGNS = {"%", "percent", "per cent", "prozent", "pct", "v.h.", "p.c.", "pour cent"}


def money(printed: str) -> Readings:
    """An amount or a price, with or without its currency; credits and brackets are negative.

    >>> money("1.234,50 €")
    {',': Decimal('1234.50')}
    >>> money("1.234")
    {'.': Decimal('1.234'), ',': Decimal('1234')}
    >>> money("CHF 1’234.–"), money("(12)"), money("₹ 1,23,456/-")
    ({'.': Decimal('1234')}, {'.': Decimal('-12'), ',': Decimal('-12')}, {'.': Decimal('123456')})
    """
    return _read(printed, _money_words)


def percent(printed: str) -> Readings:
    """A rate in percent; with a percent sign any words may stand beside it ("19 % MwSt.").

    >>> percent("7,7 %"), percent("%18")
    ({',': Decimal('7.7')}, {'.': Decimal('18'), ',': Decimal('18')})
    """
    return _read(printed, _percent_words)


def quantity(printed: str) -> Readings:
    """A quantity; any unit may follow it, and "x" may stand on either side.

    >>> quantity("2,5 kg"), quantity("3 x")
    ({',': Decimal('2.5')}, {'.': Decimal('3'), ',': Decimal('3')})
    """
    return _read(printed, _quantity_words)


def decimal_marks(found: Iterable[Readings]) -> set[str]:
    """The decimal marks that numbers vote for: each number that only one mark reads has a vote.

    >>> sorted(decimal_marks([money("1,50"), money("1.234"), money("7")]))
    [',']
    """
    return {next(iter(readings)) for readings in found if len(readings) == 1}


def currency_codes(printed: str) -> tuple[str, ...]:
    """The currencies that the sign beside an amount may stand for; () when there is none."""
    if not printed.strip(_BARE):
        return ()
    match = _FORM.fullmatch(in_ascii(printed))
    if match is None:
        return ()
    for side in (match["before"], match["after"]):
        for word in side.replace("(", " ").replace(")", " ").replace("-", " ").split():
            if codes := currency_readings(word):
                return codes
    return ()


# What the words around a number say of its value: a factor, or None when they fit no number.
Words = Callable[[str, str, bool], int | None]


def _read(printed: str, words: Words) -> Readings:
    text = in_ascii(printed)
    match = _FORM.fullmatch(text) if text else None
    if match is None:
        return {}
    before, body, after = match.group("before", "body", "after")
    body = body.rstrip()
    if after.startswith(":-"):  # Swedish, as "12.-"
        after, body = after[1:], body + "."
    dashed = after[:1] == "-" and body[-1] in ".,"  # "12.-": the dash stands for no cents
    if dashed:
        after = after.lstrip("-")
    factor = words(before, after, dashed)
    if factor is None:
        return {}
    if dashed:
        whole = _whole(body[:-1])
        # "1.234,-" says where the decimals would be; "50.-" is written with either mark.
        marks = ".," if body[:-1].isdigit() else body[-1]
        if whole is None or not bounded(Decimal(whole) * factor):
            return {}
        return {mark: Decimal(whole) * factor for mark in marks}
    values = {mark: _number(body, mark) for mark in ".,"}
    return {
        mark: value * factor
        for mark, value in values.items()
        if value is not None
        and ((len(body) < MAX_DIGITS and abs(factor) == 1) or bounded(value * factor))
    }


def _number(body: str, mark: str) -> Decimal | None:
    whole, found, fraction = body.partition(mark)
    if found and not fraction.isdigit():
        return None
    digits = _whole(whole) if whole else "0"
    if digits is None:
        return None
    return Decimal(f"{digits}.{fraction}" if found else digits)


def _whole(text: str) -> str | None:
    """The digits of a whole number, grouped or not; None when it is not one."""
    if text.isdigit():
        return text
    grouped = _WESTERN.fullmatch(text) or _INDIAN.fullmatch(text)
    return text.translate(_NO_GROUPS) if grouped else None


_NO_GROUPS = str.maketrans("", "", ".,' ")


@lru_cache(4096)  # few different words stand beside numbers; hostile ones are at most 64 characters
def _sign(before: str, after: str) -> tuple[int, str, str] | None:
    """The sign that marks around a number give, and the words without those marks."""
    before, after = (_JOINED.sub("", side.strip()) for side in (before, after))
    negative = 0
    if "(" in before or ")" in after:
        if before.count("(") != 1 or after.count(")") != 1:
            return None
        negative += 1
        before, after = before.replace("(", " "), after.replace(")", " ")
    if "-" in before:
        if before.count("-") > 1:
            return None
        negative += 1
        before = before.replace("-", " ")
    elif "+" in before:
        before = before.replace("+", " ", 1)
    after = after.strip()
    if after.startswith("/-"):  # Indian: the amount ends here
        after = after[2:]
    elif after.startswith("-"):
        after = after[1:]
        # "¥1,234-": the dash keeps anybody from adding digits.
        codes = currency_readings(before) or currency_readings(after)
        negative += not codes or not YEN_LIKE.issuperset(codes)
    elif after.endswith("-"):
        after = after[:-1]
        negative += 1
    if negative > 1 or "-" in after:
        return None
    return (-1 if negative else 1), before.strip(), after.strip()


def _money_words(before: str, after: str, dashed: bool) -> int | None:
    signed = _sign(before, after)
    if signed is None:
        return None
    factor, before, after = signed
    after = _UNIT.sub("", after).rstrip(_END_MARKS)
    credited = 0
    behind = _apart(after.lower())
    if behind and behind[0] in _TIMES:
        factor *= _TIMES[behind.pop(0)]
    for word in [*before.lower().split(), *behind]:
        if word in _CREDIT:
            credited += 1
        elif not (
            word in _DEBIT or word in _CLOSING or word in _OPENING or currency_readings(word)
        ):
            return None
    if credited:  # "-5.00 CR" says it twice: nobody knows what is meant
        return -factor if credited == 1 and factor > 0 else None
    return factor


def _percent_words(before: str, after: str, dashed: bool) -> int | None:
    signed = None if dashed else _sign(before, after)
    if signed is None:
        return None
    factor, before, after = signed
    words = {before.lower(), after.lower()} - {""}
    known = not words or bool(words & _PERCENT_SIGNS) or "%" in before + after
    return factor if known else None


def _quantity_words(before: str, after: str, dashed: bool) -> int | None:
    signed = None if dashed else _sign(before, after)
    if signed is None:
        return None
    factor, before, after = signed
    return factor if before.lower() in ("", "x", "×") else None


def _apart(after: str) -> list[str]:
    """Words after a number; a unit of counting may touch its currency: 万円."""
    words: list[str] = []
    for word in after.split():
        unit = word[:1] if word[:1] in _TIMES else ""
        words += [part for part in (unit, word[len(unit) :]) if part]
    return words

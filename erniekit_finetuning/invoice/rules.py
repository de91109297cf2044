"""The arithmetic an invoice must satisfy: a table of rules, each finding with its numbers.

Only values that are printed are checked; a rule whose values are missing is not applicable, one
whose values cannot be read with certainty is ambiguous.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from erniekit_finetuning.invoice.model import Invoice, Line, Printed, Totals

CENT = Decimal("0.01")
ZERO = Decimal(0)


class Status(StrEnum):
    """Verdict of one rule on one invoice."""

    PASS = "pass"
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"
    AMBIGUOUS = "ambiguous"


class Finding(BaseModel):
    """What a rule says. `difference` is found minus expected, in the invoice currency."""

    model_config = ConfigDict(frozen=True)

    rule: str
    status: Status
    fields: tuple[str, ...] = ()
    expected: Decimal | None = None
    found: Decimal | None = None
    message: str = ""

    @property
    def difference(self) -> Decimal | None:
        """Found minus expected; None when the rule compares no amounts."""
        if self.found is None or self.expected is None:
            return None
        return self.found - self.expected


@dataclass(frozen=True)
class Rule:
    """One rule: its id, its text, and the function that finds its breaches."""

    id: str
    text: str
    check: Callable[[Invoice, str], list[Finding]] = field(repr=False)
    arithmetic: bool = True


class _Missing(Exception):
    """A value the rule needs is not printed."""


class _Unclear(Exception):
    """A value the rule needs is printed but has no certain reading."""


def check(invoice: Invoice) -> list[Finding]:
    """Findings of every rule; a rule that is checked line by line gives one finding a line."""
    findings: list[Finding] = []
    for rule in RULES:
        findings += rule.check(invoice, rule.id)
    return findings


def arithmetic_verified(findings: Sequence[Finding]) -> bool:
    """True when at least one arithmetic rule passed and none failed or stayed ambiguous."""
    statuses = {f.status for f in findings if f.rule in _ARITHMETIC}
    return Status.PASS in statuses and not statuses & {Status.FAIL, Status.AMBIGUOUS}


def round_half_up(amount: Decimal) -> Decimal:
    """To two decimals, halves towards +infinity, as the official EN 16931 rules round."""
    if amount >= 0:
        return amount.quantize(CENT, ROUND_HALF_UP)
    rounded = amount.quantize(CENT, ROUND_HALF_UP)
    return rounded + CENT if rounded - amount == -CENT / 2 else rounded


def _known(value: Printed[Decimal] | None) -> Decimal:
    if value is None:
        raise _Missing
    if value.value is None:
        raise _Unclear
    return value.value


def _or_zero(value: Printed[Decimal] | None) -> Decimal:
    return ZERO if value is None else _known(value)


def _compare(
    rule: str,
    fields: Sequence[str],
    sides: Callable[[], tuple[Decimal, Decimal]],
    text: str,
    tolerance: Decimal = ZERO,
) -> Finding:
    """One comparison; `sides` gives (expected, found) or raises what is missing."""
    try:
        expected, found = sides()
    except _Missing:
        return Finding(rule=rule, status=Status.NOT_APPLICABLE, fields=tuple(fields))
    except _Unclear:
        return Finding(
            rule=rule,
            status=Status.AMBIGUOUS,
            fields=tuple(fields),
            message=f"{text}: a value has no certain reading",
        )
    right = abs(found - expected) <= tolerance
    return Finding(
        rule=rule,
        status=Status.PASS if right else Status.FAIL,
        fields=tuple(fields),
        expected=expected,
        found=found,
        message="" if right else f"{text}: {expected:,} expected, {found:,} printed",
    )


def _line_net(invoice: Invoice, rule: str) -> list[Finding]:
    def one(index: int, line: Line) -> Finding:
        def sides() -> tuple[Decimal, Decimal]:
            share = 1 - abs(_or_zero(line.discount_rate)) / 100
            product = _known(line.quantity) * _known(line.unit_price) * share
            return round_half_up(product), _known(line.net_amount)

        names = [f"lines[{index}].{name}" for name in ("quantity", "unit_price", "net_amount")]
        return _compare(rule, names, sides, f"line {index + 1}: quantity x price")

    return [one(index, line) for index, line in enumerate(invoice.lines)]


def _line_total(invoice: Invoice, rule: str) -> list[Finding]:
    def sides() -> tuple[Decimal, Decimal]:
        if not invoice.lines:
            raise _Missing
        total = sum((_known(line.net_amount) for line in invoice.lines), ZERO)
        return total, _known(invoice.totals.line_total)

    return [_compare(rule, ["lines", "totals.line_total"], sides, "lines add up to the subtotal")]


def _net(totals: Totals) -> Decimal:
    # Paper prints an allowance with or without its minus: its size counts.
    allowance = abs(_or_zero(totals.allowance_total))
    return _known(totals.line_total) - allowance + _or_zero(totals.charge_total)


def _tax_exclusive(invoice: Invoice, rule: str) -> list[Finding]:
    totals = invoice.totals

    def sides() -> tuple[Decimal, Decimal]:
        return _net(totals), _known(totals.tax_exclusive)

    fields = ["totals.line_total", "totals.allowance_total", "totals.tax_exclusive"]
    return [_compare(rule, fields, sides, "subtotal less allowances plus charges")]


def _tax_total(invoice: Invoice, rule: str) -> list[Finding]:
    def sides() -> tuple[Decimal, Decimal]:
        if not invoice.tax_breakdown:
            raise _Missing
        total = sum((_known(part.tax) for part in invoice.tax_breakdown), ZERO)
        return total, _known(invoice.totals.tax_total)

    return [_compare(rule, ["tax_breakdown", "totals.tax_total"], sides, "taxes add up")]


def _tax_inclusive(invoice: Invoice, rule: str) -> list[Finding]:
    totals = invoice.totals

    def sides() -> tuple[Decimal, Decimal]:
        printed = totals.tax_exclusive
        net = _net(totals) if printed is None else _known(printed)
        return net + _known(totals.tax_total), _known(totals.tax_inclusive)

    fields = ["totals.tax_exclusive", "totals.tax_total", "totals.tax_inclusive"]
    return [_compare(rule, fields, sides, "net amount plus tax")]


def _payable(invoice: Invoice, rule: str) -> list[Finding]:
    totals = invoice.totals

    def sides() -> tuple[Decimal, Decimal]:
        prepaid = abs(_or_zero(totals.prepaid))
        due = _known(totals.tax_inclusive) - prepaid + _or_zero(totals.rounding)
        return due, _known(totals.payable)

    fields = ["totals.tax_inclusive", "totals.prepaid", "totals.payable"]
    return [_compare(rule, fields, sides, "total less prepaid plus rounding")]


def _tax_rate(invoice: Invoice, rule: str) -> list[Finding]:
    """Tax = rate x base, per part of the breakdown; official tolerance: less than 1.00."""
    return [
        _compare(
            rule,
            [f"tax_breakdown[{index}]"],
            lambda part=part: (  # type: ignore[misc]
                round_half_up(_known(part.taxable) * _known(part.rate) / 100),
                _known(part.tax),
            ),
            f"tax {index + 1}: rate x base",
            tolerance=Decimal("0.99"),
        )
        for index, part in enumerate(invoice.tax_breakdown)
    ]


def _date_order(invoice: Invoice, rule: str) -> list[Finding]:
    issued, due = invoice.issue_date, invoice.due_date
    fields = ("issue_date", "due_date")
    if issued is None or due is None:
        return [Finding(rule=rule, status=Status.NOT_APPLICABLE, fields=fields)]
    if issued.value is None or due.value is None:
        text = "a date has no certain reading"
        return [Finding(rule=rule, status=Status.AMBIGUOUS, fields=fields, message=text)]
    if due.value < issued.value:
        text = f"due on {due.value}, before it was issued on {issued.value}"
        return [Finding(rule=rule, status=Status.FAIL, fields=fields, message=text)]
    return [Finding(rule=rule, status=Status.PASS, fields=fields)]


def _required(invoice: Invoice, rule: str) -> list[Finding]:
    """What every invoice must print: BR-02, BR-03, BR-06, BR-16, BR-15 of EN 16931."""
    needed = {
        "number": invoice.number,
        "issue_date": invoice.issue_date,
        "seller.name": invoice.seller.name,
        "lines": invoice.lines or None,
        "totals.payable": invoice.totals.payable or invoice.totals.tax_inclusive,
    }
    missing = tuple(name for name, value in needed.items() if value is None)
    if missing:
        text = f"missing: {', '.join(missing)}"
        return [Finding(rule=rule, status=Status.FAIL, fields=missing, message=text)]
    return [Finding(rule=rule, status=Status.PASS)]


RULES = (
    Rule("LINE-NET", "quantity x unit price, less discount = line net amount", _line_net),
    Rule("BR-CO-10", "sum of line net amounts = line total", _line_total),
    Rule("BR-CO-13", "line total - allowances + charges = tax exclusive", _tax_exclusive),
    Rule("BR-CO-14", "sum of the breakdown's taxes = tax total", _tax_total),
    Rule("BR-CO-15", "tax exclusive + tax total = tax inclusive", _tax_inclusive),
    Rule("BR-CO-16", "tax inclusive - prepaid + rounding = payable", _payable),
    Rule("BR-CO-17", "taxable x rate = tax", _tax_rate),
    Rule("DATE-ORDER", "due date is not before issue date", _date_order, arithmetic=False),
    Rule("REQUIRED", "number, date, seller, lines and payable are there", _required, False),
)
_ARITHMETIC = {rule.id for rule in RULES if rule.arithmetic}

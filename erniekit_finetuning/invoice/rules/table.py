"""The table of rules, and `check`, which applies the rules of a profile to one invoice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Context, localcontext

from erniekit_finetuning.invoice.model import Invoice
from erniekit_finetuning.invoice.rules import identity, lines, sense, tax, totals
from erniekit_finetuning.invoice.rules.finding import (
    Finding,
    Outcome,
    Profile,
    Rule,
    Severity,
    Status,
)

_EN16931 = "EN 16931-1"
_PEPPOL = "Peppol BIS Billing 3.0"
_OURS = "ernie-invoice"
_ROUNDED = "none after rounding to 2 decimals, halves up"
_ONE = "less than 1.00"
# Products of the longest numbers that an invoice may carry stay exact.
_EXACT = Context(prec=96)

_STRUCTURED = {Profile.EN16931: Severity.ERROR, Profile.PEPPOL: Severity.ERROR}
_SIMPLE = {Profile.SIMPLE: Severity.ERROR}
_ALL = {**_SIMPLE, **_STRUCTURED}
_WARNING = dict.fromkeys(Profile, Severity.WARNING)
_PEPPOL_RULE = {**_WARNING, Profile.PEPPOL: Severity.ERROR}

Find = Callable[[Invoice], Iterable[Outcome]]


def _rule(
    id: str,
    text: str,
    find: Find,
    profiles: Mapping[Profile, Severity],
    tolerance: str = _ROUNDED,
    source: str = _EN16931,
    arithmetic: bool = True,
) -> Rule:
    return Rule(id, text, source, tolerance, profiles, find, arithmetic)


def _sense(id: str, text: str, find: Find, profiles: Mapping[Profile, Severity]) -> Rule:
    return _rule(id, text, find, profiles, tolerance="none", source=_OURS, arithmetic=False)


def _category(code: str, name: str) -> tuple[Rule, Rule]:
    taxed = code in tax.TAXED
    base = "lines + charges - allowances" + (" of the same rate" if taxed else "")
    wanted = "taxable x rate" if taxed else "0"
    return (
        _rule(
            f"BR-{name}-08",
            f"taxable of category {code} = its {base}",
            tax.category_base(code),
            _STRUCTURED,
            _ONE if taxed else "none",
        ),
        _rule(
            f"BR-{name}-09",
            f"tax of category {code} = {wanted}",
            tax.category_tax(code),
            _STRUCTURED,
            _ONE if taxed else "none",
        ),
    )


RULES: tuple[Rule, ...] = (
    _rule("BR-CO-10", "sum of line net amounts = line total", totals.line_total, _ALL),
    _rule("BR-CO-11", "sum of allowances = allowance total", totals.allowance_total, _STRUCTURED),
    _rule("BR-CO-12", "sum of charges = charge total", totals.charge_total, _STRUCTURED),
    _rule(
        "BR-CO-13",
        "line total - allowances + charges = tax exclusive",
        totals.tax_exclusive,
        _ALL,
    ),
    _rule("BR-CO-14", "sum of the breakdown's taxes = tax total", totals.tax_total, _ALL),
    _rule("BR-CO-15", "tax exclusive + tax total = tax inclusive", totals.tax_inclusive, _ALL),
    _rule("BR-CO-16", "tax inclusive - prepaid + rounding = payable", totals.payable, _ALL),
    _rule(
        "BR-CO-17",
        "taxable x rate = tax",
        tax.rate_times_base,
        _STRUCTURED,
        "less than 1.00; in CII up to 1.00",
    ),
    *(rule for code, name in tax.CATEGORIES.items() for rule in _category(code, name)),
    _rule(
        "PEPPOL-EN16931-R040",
        "allowance or charge = base amount x percent",
        lines.allowance_share,
        _PEPPOL_RULE,
        "0.02",
        _PEPPOL,
    ),
    _rule(
        "PEPPOL-EN16931-R046",
        "net price = gross price - price allowance",
        lines.gross_price,
        _PEPPOL_RULE,
        "none",
        _PEPPOL,
    ),
    _rule(
        "PEPPOL-EN16931-R120",
        "quantity x price - allowances + charges = line net amount",
        lines.line_net,
        {p: s for p, s in _PEPPOL_RULE.items() if p is not Profile.SIMPLE},  # there: LINE-NET
        "0.02",
        _PEPPOL,
    ),
    _rule(
        "LINE-NET",
        "quantity x unit price, less discount = line net amount",
        lines.line_net_exact,
        _SIMPLE,
        "less than the currency's minor unit",
        _OURS,
    ),
    _rule(
        "TAX-RATE",
        "tax rate x taxable = tax",
        lines.tax_rate,
        _SIMPLE,
        "less than the currency's minor unit for each line",
        _OURS,
    ),
    _sense("DATE-ORDER", "due date is not before issue date", sense.date_order, _ALL),
    _sense("REQUIRED", "number, date, seller, lines, payable are there", sense.required, _ALL),
    _sense("DUPLICATE-LINES", "no line stands twice", sense.duplicate_lines, _WARNING),
    _sense("CURRENCY", "amounts are in the document's currency", sense.one_currency, _ALL),
    _sense("VAT-ID", "check digits of VAT ids fit", identity.vat_ids, _ALL),
    _sense("IBAN", "check digits of IBANs fit", identity.ibans, _ALL),
    _sense("BIC", "BICs are well formed", identity.bics, _ALL),
    _sense("GTIN", "check digits of GTINs and GLNs fit", identity.gtins, _ALL),
)
BY_ID = {rule.id: rule for rule in RULES}


def _plan(profile: Profile) -> list[tuple[Rule, Severity, Finding]]:
    chosen = [(rule, rule.profiles[profile]) for rule in RULES if profile in rule.profiles]
    return [
        (rule, severity, Finding(rule.id, severity, Status.NOT_APPLICABLE))
        for rule, severity in chosen
    ]


_PLANS = {profile: _plan(profile) for profile in Profile}


def check(invoice: Invoice, profile: Profile = Profile.SIMPLE) -> list[Finding]:
    """Findings of every rule of a profile, in the table's order.

    A rule that speaks of lines or parts gives one finding for each; one that does not apply gives
    one finding that says so. Values without a certain reading make a rule ambiguous.
    """
    findings: list[Finding] = []
    with localcontext(_EXACT):
        for rule, severity, nothing in _PLANS[profile]:
            before = len(findings)
            for status, fields, expected, found, message in rule.find(invoice):
                text = f"{rule.text}: {message}" if message else ""
                findings.append(Finding(rule.id, severity, status, fields, expected, found, text))
            if len(findings) == before:
                findings.append(nothing)
    return findings


def adds_up(invoice: Invoice) -> bool:
    """`arithmetic_verified` of the simple profile's findings, by the rules that it needs alone."""
    passed = False
    with localcontext(_EXACT):
        for rule, severity, _ in _PLANS[Profile.SIMPLE]:
            if not rule.arithmetic or severity is not Severity.ERROR:
                continue
            for outcome in rule.find(invoice):
                if outcome.status in (Status.FAIL, Status.AMBIGUOUS):
                    return False
                passed = passed or outcome.status is Status.PASS
    return passed


def arithmetic_verified(findings: Sequence[Finding]) -> bool:
    """True when at least one arithmetic rule passed and none failed or stayed ambiguous."""
    statuses = {
        finding.status
        for finding in findings
        if finding.severity is Severity.ERROR and BY_ID[finding.rule].arithmetic
    }
    return Status.PASS in statuses and not statuses & {Status.FAIL, Status.AMBIGUOUS}

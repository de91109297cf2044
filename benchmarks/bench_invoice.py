"""Invoices checked and money strings parsed a second on one core, each beside a bare lower bound.

    python benchmarks/bench_invoice.py

Checking applies every rule of a profile to 300 different right invoices of ten lines with a tax
breakdown; its bound is summing the amounts of the same invoices. Parsing reads 20,000 different
strings in the forms of 12 locales; its bound is Decimal() of the bare digits. Interleaved in
rounds, CPU time. One JSON object on stdout.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

from babel.numbers import format_currency, format_decimal

from erniekit_finetuning.invoice import dates
from erniekit_finetuning.invoice.amounts import money
from erniekit_finetuning.invoice.model import Invoice, Line, Party, Printed, TaxSubtotal, Totals
from erniekit_finetuning.invoice.rules import Profile, Status, check, round_half_up
from erniekit_finetuning.invoice.walk import leaves

ROUNDS = 5
LOCALES = {
    "en_US": "USD",
    "en_GB": "GBP",
    "en_IN": "INR",
    "de_DE": "EUR",
    "de_CH": "CHF",
    "fr_FR": "EUR",
    "it_IT": "EUR",
    "nl_NL": "EUR",
    "pl_PL": "PLN",
    "sv_SE": "SEK",
    "pt_BR": "BRL",
    "zh_CN": "CNY",
}
D = Decimal


def amount(value: Decimal) -> Printed[Decimal]:
    return Printed[Decimal](printed=str(value), value=value)


def text(value: str) -> Printed[str]:
    return Printed[str](printed=value, value=value)


def ten_lines(rng: Random, number: int) -> Invoice:
    lines, bases = [], {D(19): D(0), D(7): D(0)}
    for index in range(10):
        quantity, price = D(rng.randint(1, 40)), D(rng.randint(100, 99999)).scaleb(-2)
        rate = rng.choice(list(bases))
        bases[rate] += quantity * price
        lines.append(
            Line(
                description=text(f"article {number}-{index}"),
                quantity=amount(quantity),
                unit_price=amount(price),
                tax_category=text("S"),
                tax_rate=amount(rate),
                net_amount=amount(quantity * price),
            )
        )
    breakdown = [(base, rate, round_half_up(base * rate / 100)) for rate, base in bases.items()]
    net, tax = sum(bases.values(), D(0)), sum((part[2] for part in breakdown), D(0))
    return Invoice(
        number=text(f"R-{number}"),
        currency=text("EUR"),
        seller=Party(name=text("Seller"), vat_id=text("DE136695976")),
        lines=tuple(lines),
        tax_breakdown=tuple(
            TaxSubtotal(
                category=text("S"), taxable=amount(base), rate=amount(rate), tax=amount(tax)
            )
            for base, rate, tax in breakdown
        ),
        totals=Totals(
            line_total=amount(net),
            tax_exclusive=amount(net),
            tax_total=amount(tax),
            tax_inclusive=amount(net + tax),
            payable=amount(net + tax),
        ),
    )


def prints(rng: Random, count: int) -> tuple[list[str], list[str]]:
    """Printed amounts, and the same amounts as bare digits."""
    forms, bare = [], []
    for _ in range(count):
        locale, currency = rng.choice(list(LOCALES.items()))
        value = D(rng.randint(-999999, 99999999)).scaleb(-2)
        if rng.random() < 0.5:
            forms.append(format_currency(value, currency, locale=locale))
        else:
            forms.append(format_decimal(value, "#,##0.00", locale=locale))
        bare.append(str(value))
    return forms, bare


def measured(jobs: dict[str, tuple[Callable[[Any], Any], list[Any]]]) -> dict[str, float]:
    """Items of each job a CPU-second, its rounds interleaved with the others'."""
    spent = dict.fromkeys(jobs, 0.0)
    for _ in range(ROUNDS):
        for name, (job, items) in jobs.items():
            started = time.process_time()
            for item in items:
                job(item)
            spent[name] += time.process_time() - started
    return {name: ROUNDS * len(jobs[name][1]) / seconds for name, seconds in spent.items()}


def add_up(values: list[Decimal]) -> Decimal:
    return sum(values, D(0))


def main() -> None:
    rng = Random(3)
    invoices = [ten_lines(rng, number) for number in range(300)]
    assert all(
        finding.status is not Status.FAIL
        for profile in Profile
        for invoice in invoices
        for finding in check(invoice, profile)
        if finding.rule not in ("REQUIRED",)
    )
    amounts = [
        [value.value for _, value in leaves(invoice) if isinstance(value.value, Decimal)]
        for invoice in invoices
    ]
    forms, bare = prints(rng, 20_000)
    days = [f"{n % 28 + 1:02d}.{n % 12 + 1:02d}.{2000 + n % 60}" for n in range(20_000)]
    assert all(money(form) for form in forms)
    speed = measured(
        {
            **{
                profile.value: (lambda one, profile=profile: check(one, profile), invoices)
                for profile in Profile
            },
            "bare sums": (add_up, amounts),
            "money": (money, forms),
            "bare Decimal": (D, bare),
            "dates": (dates.readings, days),
        }
    )
    print(
        json.dumps(
            {
                "invoices_checked_a_cpu_second": {p: round(speed[p]) for p in Profile},
                "bare_sums_a_cpu_second": round(speed["bare sums"]),
                "check_over_bare": round(speed["bare sums"] / speed["en16931"], 1),
                "money_strings_a_cpu_second": round(speed["money"]),
                "bare_decimals_a_cpu_second": round(speed["bare Decimal"]),
                "money_over_bare": round(speed["bare Decimal"] / speed["money"], 1),
                "date_strings_a_cpu_second": round(speed["dates"]),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()

"""Rules on identifiers: their check digits, as far as a rule for them is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from erniekit_finetuning.invoice import identifiers
from erniekit_finetuning.invoice.identifiers import Check, Verdict
from erniekit_finetuning.invoice.model import Invoice, Printed
from erniekit_finetuning.invoice.rules.finding import Outcome, Status


def vat_ids(invoice: Invoice) -> Iterator[Outcome]:
    """VAT-ID: seller and buyer, by the country in the id, else by the party's."""
    for name in ("seller", "buyer"):
        party = getattr(invoice, name)
        if party.vat_id is not None:
            country = party.country.value if party.country is not None else None
            checked = identifiers.vat_id(party.vat_id.printed, country)
            yield from _outcome(f"{name}.vat_id", party.vat_id, checked)


def ibans(invoice: Invoice) -> Iterator[Outcome]:
    """IBAN: every account to pay to."""
    yield from _accounts(invoice, "iban", identifiers.iban)


def bics(invoice: Invoice) -> Iterator[Outcome]:
    """BIC: every account to pay to."""
    yield from _accounts(invoice, "bic", identifiers.bic)


def gtins(invoice: Invoice) -> Iterator[Outcome]:
    """GTIN: articles, and the GLN of seller and buyer, which has the same check digit."""
    for name in ("seller", "buyer"):
        gln = getattr(invoice, name).gln
        if gln is not None:
            yield from _outcome(f"{name}.gln", gln, identifiers.gln(gln.printed))
    for index, line in enumerate(invoice.lines):
        if line.gtin is not None:
            checked = identifiers.gtin(line.gtin.printed)
            yield from _outcome(f"lines[{index}].gtin", line.gtin, checked)


def _accounts(invoice: Invoice, field: str, check: Callable[[str], Check]) -> Iterator[Outcome]:
    for index, account in enumerate(invoice.accounts):
        value = getattr(account, field)
        if value is not None:
            yield from _outcome(f"accounts[{index}].{field}", value, check(value.printed))


def _outcome(path: str, value: Printed[str], checked: Check) -> Iterator[Outcome]:
    if checked.verdict is Verdict.VALID:
        yield Outcome(Status.PASS, (path,))
    elif checked.verdict is Verdict.INVALID:
        text = f"{value.printed[:60]}: {checked.reason}"
        yield Outcome(Status.FAIL, (path,), message=text)

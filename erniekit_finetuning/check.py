"""`ernie-invoice check`: does an invoice add up?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import track

from erniekit_finetuning.checking import Checked, inputs
from erniekit_finetuning.console import messages
from erniekit_finetuning.invoice.model import Invoice
from erniekit_finetuning.invoice.rules import Finding, Profile, Status
from erniekit_finetuning.invoice.rules import check as check_rules

_LOOKED_AT = (Status.FAIL, Status.AMBIGUOUS)


def check(
    file: Annotated[Path, typer.Argument(help=".json, .jsonl, .xml (UBL, CII) or a Factur-X .pdf")],
    profile: Annotated[
        Profile | None,
        typer.Option(help="Default: en16931 for a structured invoice, simple for one off a page."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON line an input, with every rule.")
    ] = False,
) -> None:
    """Check what invoices say: sums, taxes, dates, identifiers.

    Exit 0 when all is well, 1 when a rule failed or could not be decided (a warning alone is
    well), 2 when an input is unusable.
    """
    clean = doubtful = unusable = 0
    for one in track(inputs(file), "checking", console=messages, transient=True):
        findings = [] if one.invoice is None else _findings(one.invoice, profile)
        if one.invoice is None:
            unusable += 1
            for problem in one.problems:
                print(f"error: {problem}", file=sys.stderr)
        elif any(finding.broken or finding.status is Status.AMBIGUOUS for finding in findings):
            doubtful += 1
        else:
            clean += 1
        print(_line(one, findings) if as_json else "\n".join(_words(one, findings)))
    messages.print(f"{clean} clean, {doubtful} with findings, {unusable} unusable")
    if unusable or doubtful:
        raise typer.Exit(2 if unusable else 1)


def _findings(invoice: Invoice, profile: Profile | None) -> list[Finding]:
    usual = Profile.SIMPLE if invoice.syntax is None else Profile.EN16931
    return check_rules(invoice, profile or usual)


def _line(one: Checked, findings: list[Finding]) -> str:
    row: dict[str, Any] = {"id": one.id, "findings": [finding.to_json() for finding in findings]}
    if one.invoice is None:
        row["problems"] = [str(problem) for problem in one.problems]
    return json.dumps(row)


def _words(one: Checked, findings: list[Finding]) -> list[str]:
    if one.invoice is None:
        return [f"{one.id}: unusable"]
    bad = [finding for finding in findings if finding.status in _LOOKED_AT]
    if not bad:
        passed = sum(finding.status is Status.PASS for finding in findings)
        return [f"{one.id}: clean, {passed} checks passed"]
    return [
        f"{one.id}: {len(bad)} to look at",
        *(
            f"  {finding.rule} {finding.label}: {finding.message} ({', '.join(finding.fields)})"
            for finding in bad
        ),
    ]

"""What a rule is and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from erniekit_finetuning.invoice.model import Invoice


class Status(StrEnum):
    """Verdict of one rule on one invoice, or on one line or part of it."""

    PASS = "pass"
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"
    AMBIGUOUS = "ambiguous"


class Severity(StrEnum):
    """Whether a failure makes the invoice wrong, or only worth a second look."""

    ERROR = "error"
    WARNING = "warning"


class Profile(StrEnum):
    """Which rules an invoice has to satisfy."""

    SIMPLE = "simple"  # what any printed invoice must satisfy, whatever the country
    EN16931 = "en16931"
    PEPPOL = "peppol"  # EN 16931 and the arithmetic of Peppol BIS Billing 3.0


class Outcome(NamedTuple):
    """What a rule's function finds; `message` says what is wrong, "" when nothing is."""

    status: Status
    fields: tuple[str, ...] = ()
    expected: Decimal | None = None
    found: Decimal | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """An outcome with its rule. `fields` are paths in the Invoice; amounts in invoice currency."""

    rule: str
    severity: Severity
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

    @property
    def broken(self) -> bool:
        """Whether the invoice is wrong by this rule: a failure that is more than a warning."""
        return self.status is Status.FAIL and self.severity is Severity.ERROR

    @property
    def label(self) -> str:
        """One word for a person: error, warning or ambiguous."""
        return self.severity.value if self.status is Status.FAIL else self.status.value

    def to_json(self) -> dict[str, Any]:
        """JSON values; amounts are exact decimal strings, null where the rule compares none."""
        return {
            "rule": self.rule,
            "status": self.status.value,
            "severity": self.severity.value,
            "fields": list(self.fields),
            "expected": _exact(self.expected),
            "found": _exact(self.found),
            "difference": _exact(self.difference),
            "message": self.message,
        }


def _exact(amount: Decimal | None) -> str | None:
    return None if amount is None else format(amount, "f")


@dataclass(frozen=True)
class Rule:
    """One rule of the table.

    `find` gives one outcome for the invoice, or one for each line or part that the rule speaks
    of; none means that it does not apply. `profiles` gives its severity in each profile that has
    it. `tolerance` and `source` say in words what the difference may be and who wrote the rule.
    """

    id: str
    text: str
    source: str
    tolerance: str
    profiles: Mapping[Profile, Severity]
    find: Callable[[Invoice], Iterable[Outcome]]
    arithmetic: bool = True

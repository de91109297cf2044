"""Rules of EN 16931, of Peppol and our own: a table, each finding with its numbers."""

from erniekit_finetuning.invoice.rules.comparing import round_half_up
from erniekit_finetuning.invoice.rules.finding import Finding, Profile, Rule, Severity, Status
from erniekit_finetuning.invoice.rules.table import (
    BY_ID,
    RULES,
    adds_up,
    arithmetic_verified,
    check,
)

__all__ = [
    "BY_ID",
    "RULES",
    "Finding",
    "Profile",
    "Rule",
    "Severity",
    "Status",
    "adds_up",
    "arithmetic_verified",
    "check",
    "round_half_up",
]

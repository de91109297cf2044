"""One document judged: its matches, what the rules say of the reading, and what it cost."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from erniekit_finetuning.evaluation.matching import (
    Match,
    Verdict,
    match_invoices,
)
from erniekit_finetuning.evaluation.predictions import Prediction
from erniekit_finetuning.invoice import rules
from erniekit_finetuning.invoice.answer import read_answer
from erniekit_finetuning.invoice.model import Invoice
from erniekit_finetuning.invoice.response import printed_once
from erniekit_finetuning.invoice.rules import Status

_KEPT_TEXT = 2000  # characters of an answer that is not valid


class Truth(NamedTuple):
    """What a document says, and its page images as the pairs file names them."""

    id: str
    invoice: Invoice
    images: tuple[str, ...] = ()


class DocumentResult(BaseModel):
    """Everything scores are made of. `problem`: why the answer is not valid; `text`: its start.

    `rules_applied` and `rules_passed` count findings on the reading, warnings aside;
    `rules_valid` is their verdict and `said_valid` the model's own, None where there is none.
    `verifiable`: the truth itself passes the arithmetic. Seconds are wall time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    images: tuple[str, ...] = ()
    problem: str | None = None
    text: str | None = None
    asked: bool = True
    finished: bool = True
    matches: tuple[Match, ...] = ()
    arithmetic_verified: bool = False
    verifiable: bool = False
    rules_applied: int = 0
    rules_passed: int = 0
    rules_valid: bool | None = None
    said_valid: bool | None = None
    new_tokens: int = 0
    seconds: float = 0.0
    mean_logprob: float | None = None

    @property
    def errors(self) -> int:
        """Fields that are wrong, missing or invented."""
        good = (Verdict.CORRECT, Verdict.ABSENT)
        return sum(match.verdict not in good for match in self.matches)


def judge(truth: Truth, prediction: Prediction) -> DocumentResult:
    """Compare one prediction with its truth; an answer that is not valid misses every field."""
    answer = read_answer(prediction.text, prediction.finished)
    problem = prediction.error or answer.problem
    # A rule between two terms that one printed amount fills would pass by itself.
    findings = rules.check(printed_once(answer.invoice)) if problem is None else []
    applied = [
        f
        for f in findings
        if f.status is not Status.NOT_APPLICABLE and f.severity is rules.Severity.ERROR
    ]
    failed = any(f.broken for f in findings)
    return DocumentResult(
        id=truth.id,
        images=truth.images,
        problem=problem,
        text=prediction.text[:_KEPT_TEXT] if problem is not None else None,
        asked=prediction.error is None,
        finished=prediction.finished,
        matches=tuple(match_invoices(truth.invoice, answer.invoice)),
        arithmetic_verified=rules.arithmetic_verified(findings),
        verifiable=rules.arithmetic_verified(rules.check(printed_once(truth.invoice))),
        rules_applied=len(applied),
        rules_passed=sum(f.status is Status.PASS for f in applied),
        rules_valid=None if problem is not None else not failed,
        said_valid=answer.said_valid,
        new_tokens=prediction.new_tokens,
        seconds=prediction.seconds,
        mean_logprob=prediction.mean_logprob,
    )

"""Whether a candidate is shown to be better than the model that is promoted now."""

from __future__ import annotations

from typing import NamedTuple

from app.core.learning.promotion import Figures
from erniekit_finetuning.confidence.kinds import Kind
from erniekit_finetuning.evaluation.comparison import Outcome
from erniekit_finetuning.evaluation.measures import BY_KEY
from erniekit_finetuning.evaluation.result import Evaluation
from erniekit_finetuning.evaluation.versus import Versus, verdict, versus

AMOUNTS = BY_KEY["amounts"]


class Decision(NamedTuple):
    """`reason` in words; `figures` where the candidate is better."""

    reason: str
    figures: Figures | None


def decided(before: Evaluation, candidate: Evaluation, names: tuple[str, str]) -> Decision:
    """Better: the interval of field accuracy lies above zero, and no amount is shown to be worse.

    Raises UnusableInput when the two were measured on different documents.
    """
    found = versus(before, candidate)
    reason = verdict(found, *names)
    head = found.headline
    if head.outcome is not Outcome.BETTER:
        return Decision(reason, None)
    if worse := _worse(found, _amounts(before) | _amounts(candidate)):
        return Decision(f"{reason} But amounts are read worse: {', '.join(worse)}.", None)
    amounts = found.scores.get(AMOUNTS.key)
    assert head.interval is not None  # nothing is better without one
    assert head.first is not None
    assert head.second is not None
    return Decision(
        reason,
        Figures(
            documents=head.documents,
            before=round(head.first, 6),
            after=round(head.second, 6),
            interval=(round(head.interval[0], 6), round(head.interval[1], 6)),
            amounts_before=None if amounts is None else _rounded(amounts.first),
            amounts_after=None if amounts is None else _rounded(amounts.second),
        ),
    )


def _worse(found: Versus, amounts: set[str]) -> list[str]:
    """The fields of amounts that are shown to be worse, and all of them together."""
    rows = [row for row in found.fields if row.measure.key in amounts]
    if AMOUNTS.key in found.scores:
        rows.append(found.scores[AMOUNTS.key])
    return [
        f"{row.measure.title} {100 * (row.difference or 0):+.1f} points"
        for row in rows
        if row.outcome is Outcome.WORSE
    ]


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 6)


def _amounts(evaluation: Evaluation) -> set[str]:
    """The fields whose values are amounts."""
    return {
        one.field
        for document in evaluation.documents()
        for one in document.matches
        if one.kind is Kind.AMOUNT
    }

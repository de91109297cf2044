"""The confidence in what an answer says, put to each match."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from erniekit_finetuning.confidence.calibration import Calibration, confidence
from erniekit_finetuning.confidence.evidence import Evidence
from erniekit_finetuning.confidence.witness import Witness
from erniekit_finetuning.evaluation.matching import Match


def evidence_of(one: Match, witness: Witness, ours: bool) -> Evidence | None:
    """Evidence of a value that was found; None where its place in the answer is not known."""
    path = indexed(one)
    known = witness.of_field(path) if ours else None
    return witness.of_path(path) if known is None else known


def indexed(one: Match) -> str:
    """The path of a value in its answer: `items[2].price`."""
    return (
        one.field if one.found_line is None else one.field.replace("[]", f"[{one.found_line}]", 1)
    )


def with_confidence(
    matches: Sequence[Match], witness: Witness, ours: bool, calibration: Calibration | None
) -> list[Match]:
    """Each found value with its confidence: calibrated, else the probability of its characters."""
    if calibration is None:
        sure = {}
        for number, one in enumerate(matches):
            path = indexed(one)
            at = (witness.path_of(path) if ours else None) or path
            if one.found is not None and (p := witness.probability(at)) is not None:
                sure[number] = round(p, 4)
    else:
        found = {
            number: evidence
            for number, one in enumerate(matches)
            if one.found is not None and (evidence := evidence_of(one, witness, ours)) is not None
        }
        sure = confidence(found, calibration)
    return [
        replace(one, confidence=sure[number]) if number in sure else one
        for number, one in enumerate(matches)
    ]

"""What an answer claims, with the evidence for each claim and whether it is right."""

from __future__ import annotations

from typing import NamedTuple

from jsonschema.protocols import Validator

from erniekit_finetuning.confidence.evidence import Evidence
from erniekit_finetuning.confidence.fields import said_fields
from erniekit_finetuning.confidence.witness import Witness
from erniekit_finetuning.evaluation.judging import read_answer_of, witness_of
from erniekit_finetuning.evaluation.match_confidence import evidence_of, indexed
from erniekit_finetuning.evaluation.matching import Match, Verdict, match
from erniekit_finetuning.evaluation.predictions import Prediction
from erniekit_finetuning.evaluation.truth import Truth


class Claim(NamedTuple):
    """A value that the answer says, or a null: the claim that the document prints none."""

    evidence: Evidence
    right: bool


def claims_of(truth: Truth, prediction: Prediction, schema: Validator | None = None) -> list[Claim]:
    """Every value of an answer, and every null of one of our shape; () where it cannot be read.

    A null is right where the truth has nothing there. Nulls of a line that no true line is paired
    with claim nothing.
    """
    read = read_answer_of(truth, prediction, schema)
    if not prediction.tokens or read.data is None or read.shape_problem is not None:
        return []
    witness = witness_of(truth, prediction, read)
    matches = match(truth.said, read.said)
    found = [
        Claim(evidence, one.verdict is Verdict.CORRECT)
        for one in matches
        if one.found is not None and (evidence := evidence_of(one, witness, truth.ours)) is not None
    ]
    return [*found, *_nulls(witness, matches, read.data)] if truth.ours else found


def _nulls(witness: Witness, matches: list[Match], data: object) -> list[Claim]:
    assert isinstance(data, dict)
    missing = {indexed(one) for one in matches if one.verdict is Verdict.MISSING}
    stray = {
        f"lines[{one.found_line}]."
        for one in matches
        if one.line is None and one.found_line is not None
    }
    found = []
    for field, path in said_fields(data):
        if witness.path_of(field) != path or not witness.is_null(path):
            continue  # said, here or under the other of its two keys
        evidence = witness.of_field(field)
        if evidence is not None and not field.startswith(tuple(stray)):
            found.append(Claim(evidence, field not in missing))
    return found

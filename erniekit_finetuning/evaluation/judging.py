"""One document judged: its matches, what the rules say of the reading, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from json_repair import repair_json
from jsonschema.protocols import Validator
from pydantic import BaseModel, ConfigDict

from erniekit_finetuning.confidence.calibration import Calibration
from erniekit_finetuning.confidence.witness import Witness
from erniekit_finetuning.evaluation.field_metrics.metrics import FieldMetrics, measure
from erniekit_finetuning.evaluation.match_confidence import with_confidence
from erniekit_finetuning.evaluation.matching import Match, Verdict, match
from erniekit_finetuning.evaluation.predictions import Prediction
from erniekit_finetuning.evaluation.said import NOTHING, Said, in_invoice, in_json, with_unknown
from erniekit_finetuning.evaluation.truth import (
    Reading,
    Truth,
    invoice_of,
    read_by_rules,
    said_valid,
)
from erniekit_finetuning.invoice import rules
from erniekit_finetuning.invoice.answer import read_data, read_object
from erniekit_finetuning.invoice.rules import Status
from erniekit_finetuning.invoice.strict_json import exact_number

_KEPT_TEXT = 2000  # characters of an answer that is not valid
_REPAIRED = 10_000  # characters of an answer that a repair is tried on: two seconds at worst


class DocumentResult(BaseModel):
    """Everything scores are made of.

    `json_problem`: why the answer is no JSON object (one that was cut off is none, though what is
    whole of it is compared), `shape_problem`: why it has not the shape that
    was asked for; `text`: then its start. `repairable`: a mender of JSON would make an object of
    it; that earns nothing. `rules_applied` and `rules_passed` count findings on the reading,
    warnings aside; `rules_valid` is their verdict on it, `truth_valid` that on the truth,
    `said_valid` the model's own; None where there is none. `verified`: the reading adds up,
    `verifiable`: so does the truth. Seconds are wall time, cost is in the currency of the model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    images: tuple[str, ...] = ()
    tags: dict[str, str] = {}
    json_problem: str | None = None
    shape_problem: str | None = None
    repairable: bool = False
    text: str | None = None
    asked: bool = True
    finished: bool = True
    matches: tuple[Match, ...] = ()
    verified: bool | None = None
    verifiable: bool | None = None
    rules_applied: int = 0
    rules_passed: int = 0
    rules_valid: bool | None = None
    said_valid: bool | None = None
    truth_valid: bool | None = None
    new_tokens: int = 0
    prompt_tokens: int = 0
    seconds: float = 0.0
    cost: Decimal | None = None
    metrics: FieldMetrics | None = None

    @property
    def problem(self) -> str | None:
        """Why the answer is not valid, None where it is."""
        return self.json_problem or self.shape_problem

    @property
    def errors(self) -> int:
        """Fields that are wrong, missing or invented."""
        return sum(match.verdict is not Verdict.CORRECT for match in self.matches)


def judge(
    truth: Truth,
    prediction: Prediction,
    schema: Validator | None = None,
    metrics: bool = False,
    calibration: Calibration | None = None,
) -> DocumentResult:
    """Compare one prediction with its truth; an answer that is no JSON misses every field.

    `schema` is what answers of a shape of one's own must keep. `metrics`: the field's metrics, too.
    With a `calibration` the confidence of values is calibrated.
    """
    read = read_answer_of(truth, prediction, schema)
    matches = match(truth.said, read.said)
    if prediction.tokens and read.data is not None:
        witness = witness_of(truth, prediction, read)
        matches = with_confidence(matches, witness, truth.ours, calibration)
    found = read.reading
    applied = [f for f in found.findings if _counts(f)] if found is not None else []
    invalid = read.data is None or read.shape_problem is not None
    return DocumentResult(
        id=truth.id,
        images=truth.images,
        tags=dict(truth.tags),
        json_problem=prediction.error or read.json_problem,
        shape_problem=read.shape_problem,
        repairable=read.data is None and prediction.finished and _repairable(prediction.text),
        text=prediction.text[:_KEPT_TEXT] if invalid and prediction.text else None,
        asked=prediction.error is None,
        finished=prediction.finished,
        matches=tuple(matches),
        verified=_verified(truth, found),
        verifiable=None if truth.reading is None else truth.reading.verified,
        rules_applied=len(applied),
        rules_passed=sum(finding.status is Status.PASS for finding in applied),
        rules_valid=None if found is None else not found.broken,
        said_valid=read.said_valid,
        truth_valid=truth.valid,
        new_tokens=prediction.new_tokens,
        prompt_tokens=prediction.prompt_tokens,
        seconds=prediction.seconds,
        cost=prediction.cost,
        metrics=measure(truth.data, read.data) if metrics else None,
    )


class Read(NamedTuple):
    """What an answer says, by its own shape."""

    said: Said = NOTHING
    reading: Reading | None = None
    data: Mapping[str, Any] | None = None
    said_valid: bool | None = None
    json_problem: str | None = None
    shape_problem: str | None = None


def read_answer_of(truth: Truth, prediction: Prediction, schema: Validator | None) -> Read:
    """What an answer says, read as the truth is."""
    try:
        return _ours(truth, prediction) if truth.ours else _theirs(truth, prediction, schema)
    except RecursionError:  # a model that repeats an opening bracket
        return Read(json_problem="nested too deeply")


def _ours(truth: Truth, prediction: Prediction) -> Read:
    data, problem = _object(prediction)
    if data is None:
        return Read(json_problem=problem)
    if truth.reading is not None and data == truth.data:  # the same words read the same
        return Read(truth.said, truth.reading, data, said_valid(data), problem)
    answer = read_data(data)
    if answer.problem is not None and not answer.unknown:  # nothing of it could be read
        return Read(data=data, json_problem=problem, shape_problem=answer.problem)
    reading = read_by_rules(answer.invoice)
    said = in_invoice(reading.invoice)
    if answer.unknown:
        said = with_unknown(said, _inner(data), answer.unknown)
    return Read(said, reading, data, answer.said_valid, problem, answer.problem)


def _theirs(truth: Truth, prediction: Prediction, schema: Validator | None) -> Read:
    data, problem = _object(prediction, exact_number)
    if data is None:
        return Read(json_problem=problem)
    fault = None if schema is None else next(schema.iter_errors(data), None)
    invoice = None if truth.invoice is None else invoice_of(data)
    return Read(
        in_json(data, truth.kinds),
        None if invoice is None else read_by_rules(invoice),
        data,
        said_valid(data),
        problem,
        None if fault is None else f"{fault.json_path}: {fault.message[:200]}",
    )


def _object(prediction: Prediction, number: Any = str) -> tuple[dict[str, Any] | None, str | None]:
    """The JSON object of an answer, and why it is no valid JSON; of one cut off, what is whole."""
    data, problem = read_object(prediction.text, prediction.finished, number)
    return data, problem if prediction.finished else "cut off by the token limit"


def _inner(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Where paths of unknown keys start: beside `structured_data` or in it."""
    return {**data, **data["structured_data"]}


def _counts(finding: rules.Finding) -> bool:
    applies = finding.status is not Status.NOT_APPLICABLE
    return applies and finding.severity is rules.Severity.ERROR


def _verified(truth: Truth, found: Reading | None) -> bool | None:
    if truth.reading is None:
        return None
    return found is not None and found.verified


def _repairable(text: str) -> bool:
    """Whether a mender of JSON makes a filled object of a text that is none."""
    if "{" not in text or len(text) > _REPAIRED:
        return False
    try:
        return bool(isinstance(made := repair_json(text, return_objects=True), dict) and made)
    except (ValueError, RecursionError):
        return False


def witness_of(truth: Truth, prediction: Prediction, read: Read) -> Witness:
    """What there is to know of an answer that was read."""
    findings = read.reading.findings if truth.ours and read.reading is not None else ()
    return Witness(prediction.text, prediction.tokens, truth.document, findings)

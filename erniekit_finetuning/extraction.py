"""One document to one Invoice with a loaded model: the model reads, the code computes and flags."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from erniekit_finetuning.confidence.calibration import Calibration, confidence
from erniekit_finetuning.confidence.fields import said_fields
from erniekit_finetuning.confidence.witness import Witness
from erniekit_finetuning.decoding import Decoding
from erniekit_finetuning.documents.locate import located
from erniekit_finetuning.documents.model import Document
from erniekit_finetuning.engines.protocol import Generation
from erniekit_finetuning.invoice import rules
from erniekit_finetuning.invoice.answer import Answer, read_answer
from erniekit_finetuning.invoice.model import Invoice
from erniekit_finetuning.invoice.response import printed_once
from erniekit_finetuning.invoice.walk import leaves

MAX_NEW_TOKENS = 1024
CUT = "the answer was cut off by the token limit: fields and lines may be missing"


class UnreadableAnswer(Exception):
    """The model's answer is not the JSON it was asked for; `answer` is what it said."""

    def __init__(self, reason: str, answer: str) -> None:
        self.answer = answer
        super().__init__(f"its answer is not valid: {reason}")


class Extraction(BaseModel):
    """What was read, and everything that should make a person look twice.

    `truncated`: the token limit cut the answer off, and only what was whole by then is here.
    `not_in_document` lists fields whose print stands nowhere in the document; `seconds` is reading
    by the model, without opening the file. `confidence`: by path, how likely each value is right,
    and each field that the answer leaves null is not printed, 0 to 1; `calibrated`: by the model's
    calibration, else it is the model's bare probability. Empty where the model tells none.
    """

    model_config = ConfigDict(frozen=True)

    invoice: Invoice
    truncated: bool
    findings: tuple[rules.Finding, ...]
    not_in_document: tuple[str, ...]
    model: str
    source: str
    decoding: Decoding
    new_tokens: int
    seconds: float
    confidence: dict[str, float] = {}
    calibrated: bool = False

    @property
    def flags(self) -> tuple[str, ...]:
        """Every flag in words; empty when nothing speaks against the reading."""
        doubtful = (rules.Status.FAIL, rules.Status.AMBIGUOUS)
        return (
            *([CUT] if self.truncated else []),
            *(f"{one.rule}: {one.message}" for one in self.findings if one.status in doubtful),
            *(f"{name}: the value is not in the document" for name in self.not_in_document),
        )

    def json_text(self, indent: int | None = None) -> str:
        """All of it as JSON."""
        return self.model_dump_json(exclude_none=True, indent=indent)

    def answer_text(self, indent: int | None = None) -> str:
        """The invoice alone as JSON."""
        return self.invoice.model_dump_json(exclude_none=True, indent=indent)


def flagged(
    said: Generation,
    document: Document,
    model: str,
    decoding: Decoding,
    calibration: Calibration | None = None,
) -> Extraction:
    """What a model said of a document, typed, placed and checked; raises UnreadableAnswer."""
    answer = read_answer(said.text, said.finished)
    if answer.problem is not None:
        raise UnreadableAnswer(answer.problem, said.text)
    invoice = located(answer.invoice, document)
    return Extraction(
        invoice=invoice,
        truncated=answer.truncated,
        findings=tuple(rules.check(invoice)),
        not_in_document=tuple(name for name, value in leaves(invoice) if not value.places),
        model=model,
        source=document.source,
        decoding=decoding,
        new_tokens=said.new_tokens,
        seconds=said.seconds,
        confidence=_confidence(said, answer, document, calibration),
        calibrated=calibration is not None and bool(said.tokens),
    )


def _confidence(
    said: Generation, answer: Answer, document: Document, calibration: Calibration | None
) -> dict[str, float]:
    if not said.tokens or answer.data is None:
        return {}
    # The rules as a calibration saw them: where one print stands for two terms, it counts once.
    findings = rules.check(printed_once(answer.invoice))
    witness = Witness(said.text, said.tokens, document, findings)
    fields = [*(field for field, _ in said_fields(answer.data)), *dict(leaves(answer.invoice))]
    found = {field: one for field in fields if (one := witness.of_field(field)) is not None}
    return confidence(found, calibration)

"""One document to one answer of a team's own schema: every value with the words it was read from.

No rule is checked: what the keys of a schema of one's own mean is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, computed_field

from erniekit_finetuning.confidence.calibration import Calibration, confidence
from erniekit_finetuning.confidence.witness import Witness
from erniekit_finetuning.data.exact_json import exact_json
from erniekit_finetuning.data.schemas.keeping import schema_problems
from erniekit_finetuning.data.schemas.own import OwnSchema
from erniekit_finetuning.decoding import Decoding, Placed, placed
from erniekit_finetuning.documents.locate import Found
from erniekit_finetuning.documents.model import Box, Document
from erniekit_finetuning.engines.protocol import Generation
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.extraction import CUT, UnreadableAnswer
from erniekit_finetuning.invoice.answer import read_object
from erniekit_finetuning.invoice.strict_json import exact_number


class OwnPlace(BaseModel):
    """One place of a value: page from 1, box in shares of the page, words, characters of the text.

    `spans` are [start, stop) of `document_text`, several where the words do not follow each other.
    """

    model_config = ConfigDict(frozen=True)

    page: int
    box: Box
    words: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]


class OwnField(BaseModel):
    """A leaf of the answer: `lines[0].price`, its value, and all places that print it.

    `expected`: the document should print it; null, values of an enum and fields with grounding off
    need no document.
    """

    model_config = ConfigDict(frozen=True)

    path: str
    value: Any
    expected: bool
    places: tuple[OwnPlace, ...]


class OwnExtraction(BaseModel):
    """What was read, in a schema of one's own; numbers of `data` are exact: int or Decimal.

    `confidence`: by path, how likely each value is right, but for null; it, `truncated`, `model`,
    `source` and the rest are as in `Extraction`.
    """

    model_config = ConfigDict(frozen=True)

    data: dict[str, Any]
    fields: tuple[OwnField, ...]
    truncated: bool
    model: str
    source: str
    decoding: Decoding
    new_tokens: int
    seconds: float
    confidence: dict[str, float] = {}
    calibrated: bool = False

    @computed_field  # type: ignore[prop-decorator]
    @property
    def flags(self) -> tuple[str, ...]:
        """Every flag in words; empty when nothing speaks against the reading."""
        nowhere = (one.path for one in self.fields if one.expected and not one.places)
        return (
            *([CUT] if self.truncated else []),
            *(f"{path}: the value is not in the document" for path in nowhere),
        )

    def json_text(self, indent: int | None = None) -> str:
        """All of it as JSON, its numbers as they were said."""
        return exact_json(self.model_dump(), indent)

    def answer_text(self, indent: int | None = None) -> str:
        """The answer alone as JSON."""
        return exact_json(self.data, indent)


def own_flagged(
    said: Generation,
    schema: OwnSchema,
    document: Document,
    model: str,
    decoding: Decoding,
    calibration: Calibration | None = None,
) -> OwnExtraction:
    """What a model said of a document, placed and flagged; raises UnreadableAnswer."""
    data, problem = read_object(said.text, said.finished, exact_number)
    if data is None:
        raise UnreadableAnswer(str(problem), said.text)
    if said.finished and (broken := schema_problems(data, schema)):
        raise UnreadableAnswer(str(broken[0]), said.text)
    try:
        found = placed(data, schema.tree, document)
    except UnusableInput as error:
        raise UnreadableAnswer(str(error.problems[0]), said.text) from error
    return OwnExtraction(
        data=data,
        fields=tuple(map(_field, found)),
        truncated=not said.finished,
        model=model,
        source=document.source,
        decoding=decoding,
        new_tokens=said.new_tokens,
        seconds=said.seconds,
        confidence=_confidence(said, found, document, calibration),
        calibrated=calibration is not None and bool(said.tokens),
    )


def _confidence(
    said: Generation, leaves: Iterable[Placed], document: Document, calibration: Calibration | None
) -> dict[str, float]:
    if not said.tokens:
        return {}
    witness = Witness(said.text, said.tokens, document)
    values = (leaf.path for leaf in leaves if leaf.value is not None)
    found = {path: one for path in values if (one := witness.of_path(path)) is not None}
    return confidence(found, calibration)


def _field(leaf: Placed) -> OwnField:
    places = tuple(map(_place, leaf.places))
    return OwnField(path=leaf.path, value=leaf.value, expected=leaf.expected, places=places)


def _place(found: Found) -> OwnPlace:
    words = tuple(word.text for word in found.words)
    return OwnPlace(page=found.page, box=found.box, words=words, spans=found.spans)

"""Active-learning records: what a model read and what a reviewer corrected, in their shapes.

(a) extracted_data + correction, (b) model_output + validation, (d) original_data + corrected_data,
which our own service writes too; (c), prompt + completion, is a conversation (chat.py). A
correction overrides the model's output field by field. What no reviewer saw is a guess, not truth.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from erniekit_finetuning.data.record import Folders, Labelled, Rank
from erniekit_finetuning.data.schemas.keeping import OwnTruth, kept
from erniekit_finetuning.data.schemas.own import OwnSchema
from erniekit_finetuning.data.sources.correcting import merged
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.invoice.model import Invoice
from erniekit_finetuning.invoice.shapes import read_invoice

LOW_CONFIDENCE = 0.8  # below this a model's own output is a guess


class Reading(NamedTuple):
    """How records are read.

    `typed`: values are wanted beside prints (see `read_invoice`). `schema`: truths have this shape,
    not one of those that we know.
    """

    trust_unreviewed: bool = False
    min_confidence: float = LOW_CONFIDENCE
    typed: bool = True
    schema: OwnSchema | None = None

    def truth(self, data: Any) -> tuple[Invoice | OwnTruth, tuple[str, ...]]:
        """What JSON says of a document, and the paths of keys without a place.

        Raises UnusableInput for what cannot be read, or breaks the schema.
        """
        if self.schema is not None:
            found = kept(data, self.schema)
            return found.truth, found.unknown
        read = read_invoice(data, self.typed)
        return read.invoice, read.unknown


def read_reviewed(
    row: Mapping[str, Any], origin: str, folders: Folders, reading: Reading
) -> Labelled:
    """A record of one of the shapes; raises UnusableInput for a guess, unless it is trusted."""
    source = row.get("image_path") or row.get("source_file")
    confidence: Any = None
    ours = reading.schema is None
    if "corrected_data" in row:
        data = merged(row.get("original_data") or {}, row["corrected_data"] or {}, ours)
        rank = Rank.CORRECTION
    elif "extracted_data" in row:
        data = merged(_fields(row["extracted_data"]), row.get("correction") or {}, ours)
        rank = Rank.CORRECTION if row.get("correction") else Rank.GUESS
        why = None if row.get("correction") else "it has no correction"
        _refuse(why, reading)
    else:
        data = row["model_output"]
        rank = Rank.TRUTH
        inner = data.get("confidence_scores") if isinstance(data, Mapping) else None
        said = inner or row.get("confidence_scores")
        confidence = said if isinstance(said, Mapping) else None
        if why := _unreviewed(row, confidence, reading.min_confidence):
            rank = Rank.GUESS
            _refuse(why, reading)
    file = folders.image(source, "source_file")
    truth, unknown = reading.truth(data)
    return Labelled(
        id=str(row.get("document_id") or origin),
        images=(file,),
        pdf=file if file.suffix.lower() == ".pdf" else None,
        truth=truth,
        ignored=tuple(key for key in unknown if not key.startswith("confidence_scores")),
        rank=rank,
        confidence=confidence,
        tags=_tags(row.get("tags")),
    )


def _tags(said: Any) -> dict[str, str]:
    if not isinstance(said, Mapping):
        return {}
    return {str(name): value for name, value in said.items() if isinstance(value, str)}


def _refuse(why: str | None, reading: Reading) -> None:
    if why and not reading.trust_unreviewed:
        raise UnusableInput(
            Problem(
                f"the record is a guess, not truth: {why}",
                cure="correct it, or pass --trust-unreviewed to train on guesses",
            )
        )


def _fields(extracted: Any) -> dict[str, Any]:
    """[{field_name, value, confidence}, ..] or a plain object, to an object."""
    if isinstance(extracted, Mapping):
        return dict(extracted)
    if not isinstance(extracted, list):
        raise UnusableInput(Problem("not a list of fields", field="extracted_data"))
    fields: dict[str, Any] = {}
    for item in extracted:
        if not isinstance(item, Mapping) or "field_name" not in item:
            raise UnusableInput(
                Problem(
                    "not a field",
                    field="extracted_data",
                    found=repr(item)[:80],
                    expected="{field_name, value, confidence}",
                )
            )
        fields[str(item["field_name"])] = item.get("value")
    return fields


def _unreviewed(row: Mapping[str, Any], confidence: Any, least: float) -> str | None:
    """Why a model's own output is not truth; None when it was validated and needs no review."""
    validation = row.get("validation")
    if row.get("needs_review"):
        return "it needs review"
    if not isinstance(validation, Mapping) or not validation.get("is_valid"):
        return "its validation did not pass"
    checks = validation.get("arithmetic_checks")
    values = checks.values() if isinstance(checks, Mapping) else checks or []
    if any(_failed(check) for check in values):
        return "an arithmetic check failed"
    overall = confidence.get("overall") if confidence else row.get("confidence")
    if overall is not None and not _number(overall) >= Decimal(str(least)):
        return f"its confidence is below {least}"
    return None


def _number(value: Any) -> Decimal:
    """A confidence as a number; one that cannot be read is none at all."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return Decimal(0)
    return number if number.is_finite() else Decimal(0)


def _failed(check: Any) -> bool:
    if isinstance(check, Mapping):
        return any(check.get(key) is False for key in ("passed", "is_valid", "valid", "ok"))
    return check is False

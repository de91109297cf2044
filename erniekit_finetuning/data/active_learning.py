"""Active-learning JSONL: what a model read and what a reviewer corrected, in four record shapes.

(a) extracted_data + correction, (b) model_output + validation, (c) prompt + completion,
(d) original_data + corrected_data. A correction overrides the model's output field by field. What
no reviewer saw is a guess, not truth: it is kept aside unless `trust_unreviewed`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from erniekit_finetuning.data.record import Conversation, Labelled, Record, Rejected, inside
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.invoice.response import BLOCKS
from erniekit_finetuning.invoice.shapes import read_invoice


def read_active_learning(path: Path, images: Path, trust_unreviewed: bool) -> Iterator[Record]:
    """Every record of the file, converted or rejected with its line and reason."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UnusableInput(
            Problem("cannot be read", file=str(path), found=error.strerror, cure="check the path")
        ) from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        origin, row = f"{path}:{number}", None
        try:
            row = json.loads(line.decode("utf-8-sig"), parse_float=Decimal)
            yield _record(row, origin, images, trust_unreviewed)
        except (ValueError, RecursionError) as error:  # also integers too long for Python
            yield Rejected(origin, f"is not JSON: {error}", line.decode("utf-8", "replace"))
        except UnusableInput as error:
            yield Rejected(origin, str(error), row)


def _record(row: Any, origin: str, images: Path, trust_unreviewed: bool) -> Labelled | Conversation:
    if not isinstance(row, Mapping):
        raise UnusableInput(Problem("not an object", found=type(row).__name__))
    identifier = str(row.get("document_id") or origin)
    if "completion" in row:
        completion = row["completion"]
        if not isinstance(completion, str):
            completion = json.dumps(completion, ensure_ascii=False, default=str)
        return Conversation(identifier, str(row.get("prompt", "")), completion)
    if "corrected_data" in row:
        data = merged(row.get("original_data") or {}, row["corrected_data"] or {})
        source = row.get("image_path") or row.get("source_file")
    elif "extracted_data" in row:
        if not row.get("correction") and not trust_unreviewed:
            raise UnusableInput(_guess("it has no correction"))
        data = merged(_fields(row["extracted_data"]), row.get("correction") or {})
        source = row.get("source_file")
    elif "model_output" in row:
        if (why := _unreviewed(row)) and not trust_unreviewed:
            raise UnusableInput(_guess(why))
        data = row["model_output"]
        source = row.get("source_file")
    else:
        raise UnusableInput(
            Problem(
                "the record's shape is not known",
                found=", ".join(sorted(map(str, row)))[:200],
                expected="extracted_data, model_output, corrected_data or prompt + completion",
            )
        )
    if not isinstance(source, str) or not source:
        raise UnusableInput(Problem("the document's file is missing", field="source_file"))
    read = read_invoice(data)
    file = inside(images, source, "source_file")
    pdf = file if file.suffix.lower() == ".pdf" else None
    return Labelled(identifier, (file,), pdf, read.invoice, read.unknown)


def merged(original: Any, correction: Any) -> Any:
    """The original with the correction's fields in place of its own; lists are replaced whole.

    Flat names of a correction ("total") find their block in a nested original.

    >>> merged({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": 9}, "d": [2]})
    {'a': {'b': 9, 'c': 2}, 'd': [2]}
    """
    if not isinstance(original, Mapping) or not isinstance(correction, Mapping):
        return correction
    result = dict(original)
    for key, value in correction.items():
        block = next(
            (name for name, keys in BLOCKS.items() if key in keys and name in result), None
        )
        if key not in result and block is not None:
            result[block] = merged(result[block], {key: value})
        else:
            result[key] = merged(result[key], value) if key in result else value
    return result


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


def _unreviewed(row: Mapping[str, Any]) -> str | None:
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
    return None


def _failed(check: Any) -> bool:
    if isinstance(check, Mapping):
        return any(check.get(key) is False for key in ("passed", "is_valid", "valid", "ok"))
    return check is False


def _guess(why: str) -> Problem:
    return Problem(
        f"the record is a guess, not truth: {why}",
        cure="correct it, or pass --trust-unreviewed to train on guesses",
    )

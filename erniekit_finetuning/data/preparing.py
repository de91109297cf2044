"""Records to a pairs file: images opened, text read, rejections kept beside the output."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from erniekit_finetuning.data.pair import Pair, Turn, make_pair
from erniekit_finetuning.data.prompts import Instruction
from erniekit_finetuning.data.record import Conversation, Labelled, Record, Rejected
from erniekit_finetuning.documents.model import Document
from erniekit_finetuning.documents.opening import MAX_PIXELS, read_document
from erniekit_finetuning.documents.text import document_text
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.files import write_json, write_jsonl


@dataclass
class Summary:
    """What a preparation did."""

    pairs: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)


def prepare(
    records: Iterable[Record], output: Path, kind: Instruction, with_text: bool = True
) -> Summary:
    """Write `output` (.json: one array; else JSONL) and, beside it, `*.rejected.jsonl`.

    converted + rejected = read. Both files appear whole. Raises UnusableInput when no record could
    be converted.
    """
    summary = Summary()
    rejected: list[dict[str, Any]] = []
    pairs = _pairs(records, kind, with_text, rejected, summary)
    if output.suffix == ".json":
        write_json(output, list(pairs))
    else:
        write_jsonl(output, pairs)
    aside = output.with_name(f"{output.stem}.rejected.jsonl")
    if rejected:
        write_jsonl(aside, rejected)
    else:
        aside.unlink(missing_ok=True)
    summary.rejected = len(rejected)
    if summary.pairs == 0:
        output.unlink()
        raise UnusableInput(
            Problem(
                "no record could be converted",
                file=str(aside) if rejected else None,
                found=rejected[0]["reason"] if rejected else "an empty source",
                cure="read the reasons in that file" if rejected else "check the source",
            )
        )
    return summary


def _pairs(
    records: Iterable[Record],
    kind: Instruction,
    with_text: bool,
    rejected: list[dict[str, Any]],
    summary: Summary,
) -> Iterator[dict[str, Any]]:
    for record in records:
        try:
            if isinstance(record, Rejected):
                raise UnusableInput(Problem(record.reason))
            pair = _pair(record, kind, with_text)
        except UnusableInput as error:
            row = record.row if isinstance(record, Rejected) else None
            where = record.origin if isinstance(record, Rejected) else record.id
            rejected.append({"origin": where, "reason": str(error), "row": _plain(row)})
            summary.reasons[error.problems[0].what] += 1
            continue
        if isinstance(record, Labelled):
            summary.ignored.update(record.ignored)
        summary.pairs += 1
        yield pair.to_json()


def _pair(record: Labelled | Conversation, kind: Instruction, with_text: bool) -> Pair:
    if isinstance(record, Conversation):
        turns = (
            Turn(role="human", content=record.prompt),
            Turn(role="assistant", content=record.completion),
        )
        return Pair(id=record.id, conversations=turns)
    for image in record.images:
        if image != record.pdf:
            _check_image(image)
    text = _text(record) if with_text else None
    names = tuple(str(image) for image in record.images)
    return make_pair(record.id, names, text, record.truth, kind)


def _text(record: Labelled) -> str:
    """The PDF's text layer where there is one, else OCR of the images."""
    if record.pdf is not None:
        return document_text(read_document(record.pdf))
    documents = [read_document(image) for image in record.images]
    pages = tuple(page for document in documents for page in document.pages)
    return document_text(Document(pages))


def _check_image(path: Path) -> None:
    try:
        with Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                raise UnusableInput(
                    Problem("the image is too large", file=str(path), found=f"{image.size} pixels")
                )
            image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UnusableInput(
            Problem("the image cannot be read", file=str(path), found=str(error))
        ) from error


def _plain(row: Any) -> Any:
    return json.loads(json.dumps(row, default=str))

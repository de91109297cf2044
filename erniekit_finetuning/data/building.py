"""Records to pairs: images checked, text read, the answer written."""

from __future__ import annotations

from dataclasses import dataclass

from erniekit_finetuning.data.escaping import IMAGE_TAG
from erniekit_finetuning.data.labelling import make_pair, words_of
from erniekit_finetuning.data.pair import Pair, Turn, faults
from erniekit_finetuning.data.prompts import Instruction
from erniekit_finetuning.data.record import Conversation, Labelled
from erniekit_finetuning.documents.model import Document
from erniekit_finetuning.documents.opening import page_images, read_document
from erniekit_finetuning.documents.text import document_text
from erniekit_finetuning.errors import UnusableInput


@dataclass(frozen=True)
class Building:
    """How pairs are made: what is asked, and what rides along.

    `text`: the document's text; `boxes`: its words with their boxes, too. `check_images`: each is
    opened and decoded.
    """

    kind: Instruction = Instruction.FULL_ANALYSIS
    text: bool = True
    boxes: bool = True
    check_images: bool = True


def build(record: Labelled | Conversation, how: Building) -> Pair:
    """The pair of a record; raises UnusableInput with everything wrong with it."""
    if how.check_images:
        for image in record.images:
            if image.suffix.lower() != ".pdf":
                page_images(image)
    names = tuple(str(image) for image in record.images)
    if isinstance(record, Conversation):
        pair = Pair(
            id=record.id,
            image=names[0] if len(names) == 1 else None,
            images=names if len(names) > 1 else None,
            conversations=_tagged(record.turns, len(names)),
        )
    else:
        document = _document(record) if how.text else None
        pair = make_pair(
            record.id,
            names,
            None if document is None else document_text(document),
            record.truth,
            how.kind,
            pages=words_of(document) if document is not None and how.boxes else None,
            confidence=record.confidence,
            tags=record.tags,
        )
    if problems := list(faults(pair)):
        raise UnusableInput(problems)
    return pair


def _tagged(turns: tuple[Turn, ...], images: int) -> tuple[Turn, ...]:
    """The turns as they are; images that no turn mentions stand before the first question.

    That is what a row with an image and a plain prompt means in every tool.
    """
    if not images or any(IMAGE_TAG in turn.content for turn in turns):
        return turns
    first = next((at for at, turn in enumerate(turns) if turn.role == "human"), None)
    if first is None:
        return turns
    asked = Turn(role="human", content=IMAGE_TAG * images + "\n" + turns[first].content)
    return (*turns[:first], asked, *turns[first + 1 :])


def _document(record: Labelled) -> Document:
    """The PDF's text layer where there is one, else OCR of the images."""
    if record.pdf is not None:
        return read_document(record.pdf)
    documents = [read_document(image) for image in record.images]
    return Document(tuple(page for document in documents for page in document.pages))

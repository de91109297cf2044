"""What a model is asked of one document, in words that travel between processes."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from erniekit_finetuning.data.prompts import Instruction, human_turn, own_turn, text_route
from erniekit_finetuning.data.schemas.own import OwnSchema
from erniekit_finetuning.decoding import Decoding, held, own_answer
from erniekit_finetuning.documents.model import Document
from erniekit_finetuning.documents.text import document_text
from erniekit_finetuning.engines.protocol import Message, Question
from erniekit_finetuning.errors import Problem, UnusableInput


class Asked(BaseModel):
    """A document's text, and the answer that is wanted: of our schema, or of one's own as JSON.

    `images`: files of its pages, which a model that sees them is shown in the place of the text;
    its answer is held to the text all the same.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    schema_text: str | None
    decoding: Decoding
    max_new_tokens: int
    images: tuple[str, ...] = ()

    def question(self) -> Question:
        """The question as a reader takes it; raises UnusableInput where no answer can be held."""
        pages = len(self.images) or 1
        if self.schema_text is None:
            human, tree = human_turn(Instruction.EXTRACTION, pages), own_answer()
        else:
            own = OwnSchema(self.schema_text)
            human, tree = own_turn(own.words, pages), own.tree
        constraint = held(self.text, tree, self.decoding, "the document")
        if not self.images:
            return Question.ask(text_route(human, self.text), constraint)
        return Question((Message("user", human),), self.images, constraint)


def asked_of(
    document: Document,
    schema: OwnSchema | None,
    decoding: Decoding,
    max_new_tokens: int,
    images: tuple[str, ...] = (),
) -> Asked:
    """The question about a document; raises UnusableInput when it has no text."""
    text = document_text(document)
    if not text.strip():
        raise UnusableInput(
            Problem("no text was found in the document", cure="check that the page is not blank")
        )
    return Asked(
        text=text,
        schema_text=None if schema is None else schema.text,
        decoding=decoding,
        max_new_tokens=max_new_tokens,
        images=images,
    )

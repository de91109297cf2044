"""A kept document as the browser draws it: its form, and where each value stands on its pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.core.learning.store import Kept
from app.ui.findings import OUTER, Flag, flags
from app.ui.form import Title, answered, correction, shape, shown
from app.ui.titles import key_title, our_title
from erniekit_finetuning.confidence.fields import answer_paths, said_fields
from erniekit_finetuning.data.schemas.own import OwnSchema
from erniekit_finetuning.data.schemas.tree import Object
from erniekit_finetuning.decoding import own_answer, placed
from erniekit_finetuning.documents.model import Document

_TOP = "structured_data"


@dataclass(frozen=True)
class Sheet:
    """A reading with what its form is made of; `before` is the part of it that reviewers see."""

    kept: Kept
    tree: Object
    before: Mapping[str, Any]
    title: Title
    ours: bool

    @property
    def shape(self) -> dict[str, Any]:
        """The form, without its values."""
        return shape(self.tree, self.title)

    @property
    def text(self) -> dict[str, Any]:
        """The values, as text."""
        found: dict[str, Any] = shown(self.before, self.tree)
        return found

    def changed(self, edited: Mapping[str, Any]) -> dict[str, Any]:
        """What an edited form corrects, as the store takes it; empty where it is the reading."""
        return correction(answered(edited, self.before, self.tree), self.before)

    def flags(self, edited: Mapping[str, Any] | None = None) -> list[Flag]:
        """What speaks against the reading, or against an edited form.

        Raises UnusableInput for a form that cannot be an answer.
        """
        if not self.ours:
            return []  # what the keys of a schema of one's own mean is not known
        answer = self.before if edited is None else answered(edited, self.before, self.tree)
        return flags(answer)

    def drawn(self, document: Document) -> dict[str, Any]:
        """All that the browser needs, but for the pictures of the pages."""
        return {
            "id": self.kept.id,
            "name": self.kept.name,
            "model": self.kept.model,
            "pages": [{"width": page.width, "height": page.height} for page in document.pages],
            "shape": self.shape,
            "text": self.text,
            "marks": self._marks(document),
            "rules": self.ours,
        }

    def _marks(self, document: Document) -> dict[str, Any]:
        """By path: the places of the value, whether it should have some, and its confidence."""
        sure = self._confidence()
        return {
            one.path: {
                "places": [{"page": place.page, "box": place.box} for place in one.places],
                "nowhere": one.expected and not one.places,
                "confidence": sure.get(one.path),
            }
            for one in placed(self.before, self.tree, document)
        }

    def _confidence(self) -> Mapping[str, float]:
        """By path of the form; the readings of our shape have it by path of the invoice."""
        told = self.kept.confidence
        if not self.ours:
            return told
        found = {}
        for field, path in said_fields({_TOP: self.before}):
            names = (field, *(one for one in told if path in answer_paths(one)))
            sure = next((told[name] for name in names if name in told), None)
            if sure is not None:
                found[path.removeprefix(OUTER)] = sure
        return found


def sheet_of(kept: Kept) -> Sheet:
    """A kept document as a sheet, in our shape or that of its schema."""
    if kept.schema is not None:
        return Sheet(kept, OwnSchema(kept.schema).tree, kept.reading, key_title, ours=False)
    tree = dict(own_answer().members)[_TOP]
    assert isinstance(tree, Object)
    return Sheet(kept, tree, kept.reading[_TOP], our_title, ours=True)

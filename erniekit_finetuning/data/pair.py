"""The training pair: page image(s) and a conversation, with the document's text beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from erniekit_finetuning.data.escaping import IMAGE_TAG
from erniekit_finetuning.data.prompts import text_route
from erniekit_finetuning.errors import Problem, UnusableInput

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Turn(BaseModel):
    """One message."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Literal["system", "human", "assistant"]
    content: str


class PageWords(BaseModel):
    """The words of a page: (text, left, top, right, bottom), boxes in shares of the page.

    `scores`: how sure OCR was of each word, 0 to 1; None of a text layer, which is exact.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: float
    height: float
    words: tuple[tuple[str, float, float, float, float], ...]
    scores: tuple[float, ...] | None = None

    @model_validator(mode="after")
    def _one_each(self) -> PageWords:
        if self.scores is not None and len(self.scores) != len(self.words):
            raise ValueError(f"{len(self.scores)} scores of {len(self.words)} words")
        return self


class Pair(BaseModel):
    """One training example.

    `text` is what the text route puts in the place of the image tags, `pages` the words it was made
    of, with their boxes. `tags` say what sort of document it is (layout, locale, ..): evaluation
    tells the sorts apart. There are as many image tags as images, all in human turns; `<image>`
    elsewhere is escaped (see `escaping.py`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str | None = None
    image: str | None = None
    images: tuple[str, ...] | None = None
    conversations: tuple[Turn, ...]
    text: str | None = None
    pages: tuple[PageWords, ...] | None = None
    tags: dict[str, str] | None = None

    @property
    def all_images(self) -> tuple[str, ...]:
        """The images in order, one or several."""
        return self.images or (() if self.image is None else (self.image,))

    @property
    def human(self) -> str:
        """The first human turn, as written."""
        return next(turn.content for turn in self.conversations if turn.role == "human")

    @property
    def answer(self) -> str:
        """The last assistant turn."""
        return next(t.content for t in reversed(self.conversations) if t.role == "assistant")

    def text_prompt(self) -> str:
        """What a text model is asked; raises UnusableInput when the pair carries no text."""
        if IMAGE_TAG not in self.human:
            return self.human
        if self.text is None:
            raise UnusableInput(
                Problem(
                    "the pair has an image but no text of it",
                    field=self.id or self.image,
                    cure="run prepare_data.py again without --no-text",
                )
            )
        # The text stands once, where the first page's tag stood.
        first, *_ = self.human.split(IMAGE_TAG)
        rest = self.human[len(first) :].replace(IMAGE_TAG, "").lstrip("\n")
        return text_route(f"{first}{IMAGE_TAG}\n{rest}", self.text)

    def for_text_models(self) -> Pair:
        """The pair of the text route: the document's text in the tags' place, no images.

        Raises UnusableInput when the pair carries no text, or images in a later turn.
        """
        asked, turns = False, []
        for turn in self.conversations:
            if turn.role == "human" and not asked:
                asked = True
                turn = Turn(role="human", content=self.text_prompt())
            elif turn.role == "human" and IMAGE_TAG in turn.content:
                raise UnusableInput(
                    Problem("an image in a later turn has no text", field=self.id or self.image)
                )
            turns.append(turn)
        return Pair(id=self.id, conversations=tuple(turns), tags=self.tags)

    def to_json(self) -> dict[str, Any]:
        """Keys that are set, in the order the format is written in."""
        return self.model_dump(mode="json", exclude_none=True)


def faults(pair: Pair) -> Iterator[Problem]:
    """Everything that makes a pair unusable for training, whatever format it came in."""
    roles = [turn.role for turn in pair.conversations]
    spoken = roles[1:] if roles[:1] == ["system"] else roles
    expected = ["human", "assistant"] * (len(spoken) // 2)
    if not spoken or spoken != expected:
        yield Problem(
            "the turns are not in order",
            field="conversations",
            found=", ".join(roles) or "no turn",
            expected="human, assistant, human, assistant .., after at most one system turn",
        )
    for index, turn in enumerate(pair.conversations):
        where = f"conversations[{index}].content"
        if not turn.content.strip():
            yield Problem("the turn is empty", field=where, cure="fill it, or leave the row out")
        if turn.role != "human" and IMAGE_TAG in turn.content:
            cure = r"write <\image>, in JSON \u003cimage>"
            yield Problem(f"{IMAGE_TAG} in a turn that shows no image", field=where, cure=cure)
    if pair.image is not None and pair.images is not None:
        yield Problem("both image and images are given", field="images", cure="keep one of them")
    tags = sum(turn.content.count(IMAGE_TAG) for turn in pair.conversations if turn.role == "human")
    if tags != len(pair.all_images):
        yield Problem(
            "the number of image tags is not the number of images",
            field="conversations",
            found=f"{tags} tags",
            expected=f"{len(pair.all_images)}",
            cure=f"write one {IMAGE_TAG} a page where the page stands",
        )


def compact(value: Any) -> str:
    """JSON with no loose white space, in the alphabet as it is."""
    return _encode(value)

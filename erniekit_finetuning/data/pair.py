"""The training pair: page image(s) and a conversation, with the document's text beside it."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from erniekit_finetuning.data.prompts import IMAGE_TAG, Instruction, human_turn, text_route
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.invoice import rules
from erniekit_finetuning.invoice.model import Invoice
from erniekit_finetuning.invoice.response import printed_once, structured_data


class Turn(BaseModel):
    """One message."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Literal["system", "human", "assistant"]
    content: str


class Pair(BaseModel):
    """One training example. `text` is what the text route puts in the image tag's place."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str | None = None
    image: str | None = None
    images: tuple[str, ...] | None = None
    conversations: tuple[Turn, ...]
    text: str | None = None

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

    def to_json(self) -> dict[str, Any]:
        """Keys that are set, in the order the format is written in."""
        return self.model_dump(mode="json", exclude_none=True)


def make_pair(
    identifier: str, images: tuple[str, ...], text: str | None, truth: Invoice, kind: Instruction
) -> Pair:
    """Image(s) and truth to a pair; the validation_summary is computed, never assumed."""
    answer: dict[str, Any] = {"structured_data": structured_data(truth)}
    if kind is Instruction.FULL_ANALYSIS:
        answer["validation_summary"] = validation_summary(truth)
    return Pair(
        id=identifier,
        image=images[0] if len(images) == 1 else None,
        images=images if len(images) > 1 else None,
        conversations=(
            Turn(role="human", content=human_turn(kind, len(images))),
            Turn(role="assistant", content=compact(answer)),
        ),
        text=text,
    )


def validation_summary(invoice: Invoice) -> dict[str, Any]:
    """What the rules say of an invoice: is_valid over all rules, math_verified over the sums."""
    findings = rules.check(printed_once(invoice))
    failed = [finding for finding in findings if finding.broken]
    return {
        "is_valid": not failed,
        "math_verified": rules.arithmetic_verified(findings),
        "issues": [f"{finding.rule}: {finding.message}" for finding in failed],
    }


def compact(value: Any) -> str:
    """JSON with no loose white space, in the alphabet as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

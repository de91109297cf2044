"""The instructions a model is trained with and asked with: one place for both."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

from erniekit_finetuning.data.escaping import IMAGE_TAG


class Instruction(StrEnum):
    """What the answer holds.

    `extraction`: structured_data, as printed. `validation`: a validation_summary. `full_analysis`:
    both.
    """

    EXTRACTION = "extraction"
    FULL_ANALYSIS = "full_analysis"
    VALIDATION = "validation"


WORDS = {
    Instruction.EXTRACTION: "Extract the invoice as JSON.",
    Instruction.FULL_ANALYSIS: "Extract and validate the invoice as JSON.",
    Instruction.VALIDATION: "Validate the invoice as JSON.",
}


DATE_BLANK = "YYYY-MM-DD"  # in an empty answer: a date in this form; "" is a print, 0 a number


def own_words(blank: Any) -> str:
    """The instruction for an answer of one's own shape, shown as an empty answer.

    >>> own_words({"nr": "", "issued": DATE_BLANK, "total": 0, "lines": [{"what": ""}]})
    'Extract as JSON: {"nr":"","issued":"YYYY-MM-DD","total":0,"lines":[{"what":""}]}'
    """
    return "Extract as JSON: " + json.dumps(blank, ensure_ascii=False, separators=(",", ":"))


def own_turn(words: str, images: int = 1) -> str:
    """What the human of a pair with an answer of one's own shape says; `words`: see `own_words`."""
    return IMAGE_TAG * images + f"\n{words}"


def human_turn(instruction: Instruction, images: int = 1) -> str:
    """What the pair's human says: an image tag a page, then the instruction."""
    return own_turn(WORDS[instruction], images)


def text_route(human: str, document_text: str) -> str:
    """The same turn for a text model: the document's text stands where the image tag stood.

    >>> text_route("<image>\\nExtract the invoice as JSON.", "Total 5.00")
    'Total 5.00\\nExtract the invoice as JSON.'
    """
    return human.replace(IMAGE_TAG, document_text, 1)

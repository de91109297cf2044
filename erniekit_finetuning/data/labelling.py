"""Truth to a pair: what is asked, and what the answer holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from erniekit_finetuning.data.escaping import escaped, escaped_answer
from erniekit_finetuning.data.exact_json import exact_json
from erniekit_finetuning.data.pair import PageWords, Pair, Turn
from erniekit_finetuning.data.prompts import Instruction, human_turn, own_turn
from erniekit_finetuning.data.schemas.keeping import OwnTruth
from erniekit_finetuning.documents.model import Document, Page, Word
from erniekit_finetuning.invoice import rules
from erniekit_finetuning.invoice.model import Invoice
from erniekit_finetuning.invoice.response import printed_once, structured_data


def make_pair(
    identifier: str,
    images: tuple[str, ...],
    text: str | None,
    truth: Invoice | OwnTruth,
    kind: Instruction,
    *,
    pages: tuple[PageWords, ...] | None = None,
    confidence: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
) -> Pair:
    """Image(s) and truth to a pair; the validation_summary is computed, never assumed.

    The truth must be typed (`values.typed`) where a validation_summary is asked for. Confidence is
    said only where the source has one, and only in a full analysis. A truth in a schema of one's
    own is the answer as it is, to an instruction that shows the schema.
    """
    if isinstance(truth, OwnTruth):
        human = own_turn(truth.schema.words, len(images))
        answer = dict(truth.data)
    else:
        human = human_turn(kind, len(images))
        answer = _answer(truth, kind, confidence)
    return Pair(
        id=identifier,
        image=images[0] if len(images) == 1 else None,
        images=images if len(images) > 1 else None,
        conversations=(
            Turn(role="human", content=human),
            Turn(role="assistant", content=escaped_answer(exact_json(answer))),
        ),
        text=None if text is None else escaped(text),
        pages=pages,
        tags=dict(tags) if tags else None,
    )


def _answer(
    truth: Invoice, kind: Instruction, confidence: Mapping[str, Any] | None
) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    if kind is not Instruction.VALIDATION:
        answer["structured_data"] = structured_data(truth)
    if kind is not Instruction.EXTRACTION:
        answer["validation_summary"] = validation_summary(truth)
    if kind is Instruction.FULL_ANALYSIS and confidence:
        answer["confidence_scores"] = dict(confidence)
    return answer


def words_of(document: Document) -> tuple[PageWords, ...]:
    """Words with boxes to four digits: half a pixel of a page 150 dpi wide."""
    return tuple(
        PageWords(
            width=page.width,
            height=page.height,
            words=tuple((w.text, *(round(side, 4) for side in w.box)) for w in page.words),
            scores=tuple(round(w.score, 4) for w in page.words) if _doubtful(page) else None,
        )
        for page in document.pages
    )


def document_of(pages: Sequence[PageWords]) -> Document:
    """Inverse of `words_of`."""
    return Document(
        tuple(
            Page(
                page.width,
                page.height,
                tuple(
                    Word(text, (left, top, right, bottom), score)
                    for (text, left, top, right, bottom), score in zip(
                        page.words, page.scores or [1.0] * len(page.words), strict=True
                    )
                ),
            )
            for page in pages
        ),
        "text layer" if all(page.scores is None for page in pages) else "ocr",
    )


def _doubtful(page: Page) -> bool:
    return any(word.score < 1 for word in page.words)


def validation_summary(invoice: Invoice) -> dict[str, Any]:
    """What the rules say of an invoice: is_valid over all rules, math_verified over the sums."""
    findings = rules.check(printed_once(invoice))
    failed = [finding for finding in findings if finding.broken]
    return {
        "is_valid": not failed,
        "math_verified": rules.arithmetic_verified(findings),
        "issues": [f"{finding.rule}: {finding.message}" for finding in failed],
    }

"""An invoice whose scores are worked out by hand, and answers to it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from erniekit_finetuning.data.pair import compact
from erniekit_finetuning.evaluation.counting import tabled
from erniekit_finetuning.evaluation.judging import DocumentResult, judge
from erniekit_finetuning.evaluation.matching import Match, Verdict
from erniekit_finetuning.evaluation.measures import values
from erniekit_finetuning.evaluation.predictions import Prediction
from erniekit_finetuning.evaluation.result import (
    Evaluated,
    Evaluation,
    output_files,
    write_evaluation,
)
from erniekit_finetuning.evaluation.truth import Truth
from erniekit_finetuning.invoice.answer import read_answer

# 2 x 10.00 + 1 x 5.50 = 25.50, + 5.10 tax = 30.60
ANSWER: dict[str, Any] = {
    "structured_data": {
        "vendor_block": {"name": "Alba Ltd", "address": "1 High St\nLeeds", "tax_id": None},
        "client_info": {
            "name": "Bremo Inc",
            "address": None,
            "tax_id": None,
            "invoice_number": "A-17",
            "invoice_date": "25/04/2025",
            "due_date": None,
        },
        "line_items": [
            {
                "description": "Blue pens",
                "quantity": "2",
                "unit_price": "10.00",
                "discount": None,
                "tax_rate": None,
                "line_total": "20.00",
            },
            {
                "description": "Stapler",
                "quantity": "1",
                "unit_price": "5.50",
                "discount": None,
                "tax_rate": None,
                "line_total": "5.50",
            },
        ],
        "financial_summary": {
            "subtotal": "25.50",
            "discount": None,
            "charges": None,
            "net_total": None,
            "tax": "5.10",
            "grand_total": "30.60",
            "prepaid": None,
            "amount_due": None,
            "currency": "£",
        },
        "payment_terms": "30 days net",
    },
    "validation_summary": {"is_valid": True, "math_verified": True, "issues": []},
}
TRUTH = Truth("doc-1", ANSWER, read_answer(compact(ANSWER)).invoice)
# 5 header texts and dates, subtotal, tax, total, currency, terms, and 4 values a line
FIELDS = 5 + 3 + 1 + 1 + 2 * 4

Edit = Callable[[dict[str, Any]], object]


def judged(edit: Edit | None = None, truth: Truth = TRUTH, **how: Any) -> DocumentResult:
    """The result of the right answer, or of one whose structured_data is edited."""
    answer = copy.deepcopy(ANSWER)
    if edit is not None:
        edit(answer["structured_data"])
    return judge(truth, answered(compact(answer)), **how)


def answered(text: str, finished: bool = True) -> Prediction:
    return Prediction("doc-1", "", text, finished, new_tokens=100, prompt_tokens=300, seconds=0.5)


def found(document: DocumentResult, verdict: Verdict) -> list[Match]:
    return [match for match in document.matches if match.verdict is verdict]


def scores(*documents: DocumentResult) -> dict[str, float | None]:
    return values(tabled(documents).total())


def counted(what: str, *documents: DocumentResult) -> float:
    return float(tabled(documents).total().of(what))


def evaluation(folder: Path, documents: Sequence[DocumentResult], model: str = "m") -> Evaluation:
    """The documents as an evaluation of `model`, written into `folder`."""
    evaluated = Evaluated(
        model=model,
        model_sha256="0" * 64,
        engine="paddle",
        decoding="strict",
        data_file=str(folder / "test.jsonl"),
        data_sha256="1" * 64,
        max_new_tokens=1024,
    )
    return write_evaluation(evaluated, documents, output_files(folder))

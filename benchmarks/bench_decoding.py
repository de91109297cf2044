"""What grounding costs: grounded against free answers of the same length, and the compiling.

    python benchmarks/bench_decoding.py                  # the shipped small model
    python benchmarks/bench_decoding.py --model FOLDER --documents 32 --batch-size 1

Both answer the same batches of generated documents, each batch up to the token where the first of
its answers ends, grounded and free in turn, so that a busy machine slows them alike. A grounded
answer's time includes compiling its grammar; the best of the rounds counts. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from erniekit_finetuning.data.prompts import Instruction, human_turn, text_route
from erniekit_finetuning.decoding import grounded
from erniekit_finetuning.documents.text import document_text
from erniekit_finetuning.engines import get_engine
from erniekit_finetuning.engines.protocol import Constraint, Question, Reader, Vocabulary
from synthetic_invoice_generator.config import load_config
from synthetic_invoice_generator.dataset.stream import pdf_documents

SEED = 91
GENERATOR = Path(__file__).parents[1] / "configs/generator/default.yaml"


class Stopwatch:
    """Makes a constraint and adds up how long that takes."""

    def __init__(self, text: str) -> None:
        self._make = grounded(text, full_analysis=False, document="benchmark")
        self.seconds: list[float] = []

    def __call__(self, vocabulary: Vocabulary) -> Constraint:
        began = time.perf_counter()
        constraint: Constraint = self._make(vocabulary)
        constraint.mask()
        self.seconds.append(time.perf_counter() - began)
        return constraint


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="ernie-4.5-tiny")
    parser.add_argument("--documents", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    reader = get_engine().load(options.model, options.batch_size)
    made = pdf_documents(load_config(GENERATOR), SEED, 0, options.documents)
    texts = [document_text(document) for _, document in made]
    tokens, free, bound = 0, 0.0, 0.0
    compiling: list[float] = []
    for first in range(0, len(texts), options.batch_size):
        batch = texts[first : first + options.batch_size]
        prompts = [text_route(human_turn(Instruction.EXTRACTION), text) for text in batch]
        watches = [Stopwatch(text) for text in batch]
        grounded_ones = list(map(Question.ask, prompts, watches))
        free_ones = list(map(Question.ask, prompts))
        limit = shortest(reader, [free_ones, grounded_ones])
        rounds = [
            (answer_seconds(reader, grounded_ones, limit), answer_seconds(reader, free_ones, limit))
            for _ in range(options.rounds)
        ]
        bound += min(pair[0] for pair in rounds)
        free += min(pair[1] for pair in rounds)
        tokens += limit * len(batch)
        compiling += [min(watch.seconds) for watch in watches]
    told = {
        "documents": len(texts),
        "batch_size": options.batch_size,
        "tokens": tokens,
        "free_seconds": round(free, 2),
        "grounded_seconds": round(bound, 2),
        "grounded_over_free": round(bound / free, 2),
        "grounding_us_per_token": round((bound - free) / tokens * 1e6),
        "compile_ms_per_document": round(median(compiling) * 1e3, 1),
    }
    print(json.dumps(told, indent=2))


def shortest(reader: Reader, both: Sequence[Sequence[Question]]) -> int:
    """How many tokens every answer has, grounded or not; a warm-up, too."""
    return min(one.new_tokens for questions in both for one in reader.generate(questions, 512))


def answer_seconds(reader: Reader, questions: Sequence[Question], limit: int) -> float:
    began = time.perf_counter()
    answers = reader.generate(questions, limit)
    assert all(answer.new_tokens == limit for answer in answers)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()

"""What grounding costs: strict and preferred against plain constrained decoding of one schema.

    python benchmarks/bench_decoding.py                  # the shipped small model
    python benchmarks/bench_decoding.py --model FOLDER --documents 32 --batch-size 1

All answer the same batches of generated documents, each batch up to the token where the first of
its answers ends, in turn, so that a busy machine slows them alike. An answer's time includes
compiling its grammar; the best of the rounds counts. `off` holds the same keys, types and bounds
without the document, as constrained decoding usually does. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from erniekit_finetuning.data.prompts import Instruction, human_turn, text_route
from erniekit_finetuning.decoding import Decoding, held, own_answer
from erniekit_finetuning.documents.text import document_text
from erniekit_finetuning.engines import get_engine
from erniekit_finetuning.engines.protocol import Constraint, Question, Reader, Vocabulary
from synthetic_invoice_generator.config import load_config
from synthetic_invoice_generator.dataset.stream import pdf_documents

SEED = 91
GENERATOR = Path(__file__).parents[1] / "configs/generator/default.yaml"


class Stopwatch:
    """Makes a constraint and adds up how long its grammar and compiling take."""

    def __init__(self, text: str, mode: Decoding) -> None:
        self._text, self._mode = text, mode
        self.seconds: list[float] = []

    def __call__(self, vocabulary: Vocabulary) -> Constraint | None:
        began = time.perf_counter()
        constraint = held(self._text, own_answer(), self._mode, "benchmark")(vocabulary)
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
    tokens, spent = 0, dict.fromkeys(Decoding, 0.0)
    compiling: dict[Decoding, list[float]] = {mode: [] for mode in Decoding}
    for first in range(0, len(texts), options.batch_size):
        batch = texts[first : first + options.batch_size]
        prompts = [text_route(human_turn(Instruction.EXTRACTION), text) for text in batch]
        watches = {mode: [Stopwatch(text, mode) for text in batch] for mode in Decoding}
        asked = {mode: list(map(Question.ask, prompts, watches[mode])) for mode in Decoding}
        limit = shortest(reader, list(asked.values()))
        best = dict.fromkeys(Decoding, float("inf"))
        for _ in range(options.rounds):
            for mode, questions in asked.items():
                best[mode] = min(best[mode], answer_seconds(reader, questions, limit))
        for mode in Decoding:
            spent[mode] += best[mode]
        tokens += limit * len(batch)
        for mode, some in watches.items():
            compiling[mode] += [min(watch.seconds) for watch in some]
    told = {
        "documents": len(texts),
        "batch_size": options.batch_size,
        "tokens": tokens,
        "seconds": {mode: round(seconds, 2) for mode, seconds in spent.items()},
        "strict_over_off": round(spent[Decoding.STRICT] / spent[Decoding.OFF], 3),
        "prefer_over_off": round(spent[Decoding.PREFER] / spent[Decoding.OFF], 3),
        "compile_ms_per_document": {
            mode: round(median(seconds) * 1e3, 1) for mode, seconds in compiling.items()
        },
    }
    print(json.dumps(told, indent=2))


def shortest(reader: Reader, all_questions: Sequence[Sequence[Question]]) -> int:
    """How many tokens every answer has, however it is held; a warm-up, too."""
    answers = (reader.generate(questions, 512) for questions in all_questions)
    return min(one.new_tokens for some in answers for one in some)


def answer_seconds(reader: Reader, questions: Sequence[Question], limit: int) -> float:
    began = time.perf_counter()
    answers = reader.generate(questions, limit)
    assert all(answer.new_tokens == limit for answer in answers)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()

"""Tokens a second of answering with a model, on this machine.

    python benchmarks/bench_answering.py                      # the shipped small model
    python benchmarks/bench_answering.py --model FOLDER --prompt-tokens 600 --answer-tokens 350

Times are wall-clock; the CPU seconds beside them show how much else the machine was doing. Prints
one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from erniekit_finetuning.engines import Question, get_engine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="ernie-4.5-tiny")
    parser.add_argument("--prompt-tokens", type=int, default=600)
    parser.add_argument("--answer-tokens", type=int, default=350)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 16])
    options = parser.parse_args()
    engine = get_engine()
    reader = engine.load(options.model)
    prompt = text_of(lambda text: reader.count_tokens(Question.ask(text)), options.prompt_tokens)
    told = {
        n: answer_speed(options.model, prompt, options.answer_tokens, n)
        for n in options.batch_sizes
    }
    print(json.dumps(told, indent=2))


def text_of(count: Any, tokens: int) -> str:
    """Digits and words that make about that many tokens."""
    line = "Total 1,204.50 EUR due 2024-03-01\n"
    per_line = (count(line * 20) - count("")) / 20
    return line * max(1, round(tokens / per_line))


def answer_speed(model: str, prompt: str, answer_tokens: int, batch: int) -> dict[str, float]:
    reader = get_engine().load(model, batch_size=batch)
    began, wall = time.process_time(), time.monotonic()
    answers = reader.generate([Question.ask(f"{prompt}{i}") for i in range(batch)], answer_tokens)
    seconds, tokens = time.monotonic() - wall, sum(a.new_tokens for a in answers)
    return {
        "tokens_per_second": round(tokens / seconds),
        "documents_per_minute": round(60 * batch / seconds, 1),
        "tokens": tokens,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(time.process_time() - began, 1),
    }


if __name__ == "__main__":
    main()

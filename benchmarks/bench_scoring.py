"""Invoices scored a second on one core, beside a bare json.loads of the same answers.

    python benchmarks/bench_scoring.py [documents]

Scoring an invoice is: parse the answer strictly, read its values, pair the lines, compare every
field, apply the rules. Half of the answers have wrong values and an extra line, so that lines must
be assigned. json.loads of the answer is what no scorer can avoid. Both run interleaved, document by
document, so that a busy machine slows them alike. The result is one JSON object on stdout.
"""

from __future__ import annotations

import json
import sys
import time
from random import Random

from erniekit_finetuning.data.pair import compact
from erniekit_finetuning.evaluation.judging import Truth, judge
from erniekit_finetuning.evaluation.predictions import Prediction
from erniekit_finetuning.evaluation.scores import score
from erniekit_finetuning.invoice.answer import read_answer
from erniekit_finetuning.invoice.response import structured_data
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.draft import draft

SEED = 91
WARM_UP = 8  # documents before the clock starts: locales and scipy are loaded once


def answers(rng: Random, index: int) -> tuple[str, str]:
    """The truth's answer and a prediction; every other prediction is damaged."""
    data = structured_data(draft(GeneratorConfig(), SEED, index).invoice)
    truth = compact({"structured_data": data})
    if index % 2:
        lines = data["line_items"]
        rng.shuffle(lines)
        lines[0] = {**lines[0], "quantity": "7", "line_total": "1.00"}
        lines.append(dict(lines[-1]))
        data["vendor_block"]["name"] = None
    return truth, compact({"structured_data": data})


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    rng = Random(SEED)
    spent = {"parse": 0.0, "score": 0.0}
    results = []
    for index in range(count + WARM_UP):
        truth_text, text = answers(rng, index)
        truth = Truth(str(index), read_answer(truth_text).invoice)
        prediction = Prediction(str(index), "", text, finished=True)
        started = time.process_time()
        json.loads(text)
        parsed = time.process_time()
        result = judge(truth, prediction)
        judged = time.process_time()
        if index >= WARM_UP:
            spent["parse"] += parsed - started
            spent["score"] += judged - parsed
            results.append(result)
    started = time.process_time()
    scores = score(results)
    spent["score"] += time.process_time() - started
    print(
        json.dumps(
            {
                "documents": count,
                "invoices_scored_per_cpu_s": round(count / spent["score"]),
                "bare_json_loads_per_cpu_s": round(count / spent["parse"]),
                "field_accuracy": scores.fields.accuracy,
            }
        )
    )


if __name__ == "__main__":
    main()

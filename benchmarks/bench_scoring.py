"""Invoices scored a second on one core, beside tree-edit scoring and bare json.loads of the same.

    python benchmarks/bench_scoring.py [documents] [--memory PREDICTIONS]

Scoring an invoice with our own metrics is: parse the answer strictly, read its values, pair the
lines, compare every field, apply the rules, count. Half of the answers have wrong values, lines in
another order and an extra line, so that lines must be assigned; half are right. Truths are read
once beforehand, as for any number of models. Beside it, on the same answers: Donut's tree-edit
accuracy by its own library (zss) and by ours, on some of them, and json.loads, which no scorer can
avoid. All run interleaved, a chunk of documents at a time, so that a busy machine slows them alike.

`--memory N` instead scores N stored predictions from a file, as the command does, and tells the
peak memory of the process. The result is one JSON object on stdout.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Any

from rapidfuzz.distance import Levenshtein
from zss import Node, distance

from erniekit_finetuning.data.pair import compact
from erniekit_finetuning.evaluation.counting import Table
from erniekit_finetuning.evaluation.evaluating import Plan, judged
from erniekit_finetuning.evaluation.field_metrics import donut
from erniekit_finetuning.evaluation.judging import judge
from erniekit_finetuning.evaluation.measures import values
from erniekit_finetuning.evaluation.predictions import Prediction, read_predictions
from erniekit_finetuning.evaluation.result import Evaluated, output_files, write_evaluation
from erniekit_finetuning.evaluation.truth import Truth
from erniekit_finetuning.files import write_jsonl
from erniekit_finetuning.invoice.answer import read_answer
from erniekit_finetuning.invoice.response import structured_data
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.draft import draft

SEED = 91
WARM_UP = 8  # documents before the clock starts: locales and scipy are loaded once
CHUNK = 100
TREES = 5  # documents of a chunk that the tree edits score


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


def documents(count: int) -> list[tuple[Truth, Prediction]]:
    rng, found = Random(SEED), []
    for index in range(count):
        text, answer = answers(rng, index)
        read = read_answer(text)
        truth = Truth(str(index), read.data or {}, read.invoice)
        assert truth.said  # read now
        found.append((truth, Prediction(str(index), "", answer, finished=True)))
    return found


def speed(count: int) -> dict[str, Any]:
    made = documents(count + WARM_UP)
    gc.freeze()  # what is read beforehand is not the scorer's to collect
    table = Table()
    for truth, prediction in made[:WARM_UP]:
        judge(truth, prediction)
    spent = dict.fromkeys(("parse", "score", "tree_zss", "tree_ours"), 0.0)
    trees = 0
    for first in range(WARM_UP, len(made), CHUNK):
        chunk = made[first : first + CHUNK]
        spent["parse"] += timed(lambda chunk=chunk: [json.loads(p.text) for _, p in chunk])  # type: ignore[misc]
        spent["score"] += timed(lambda chunk=chunk: [table.add(judge(t, p)) for t, p in chunk])  # type: ignore[misc]
        some = [(t.data, json.loads(p.text)) for t, p in chunk[1 : 1 + TREES]]
        trees += len(some)
        spent["tree_zss"] += timed(lambda some=some: [by_zss(t, p) for t, p in some])  # type: ignore[misc]
        spent["tree_ours"] += timed(lambda some=some: [donut.tree_accuracy(*one) for one in some])  # type: ignore[misc]
    score, zss, ours = spent["score"] / count, spent["tree_zss"] / trees, spent["tree_ours"] / trees
    return {
        "documents": count,
        "invoices_scored_per_cpu_s": round(1 / score),
        "bare_json_loads_per_cpu_s": round(count / spent["parse"]),
        "tree_edit_zss_per_cpu_s": round(1 / zss, 1),
        "tree_edit_ours_per_cpu_s": round(1 / ours, 1),
        "times_as_fast_as_zss": round(zss / score),
        "times_as_fast_as_our_tree_edit": round(ours / score),
        "field_accuracy": values(table.total())["field_accuracy"],
    }


def timed(work: Any) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def by_zss(truth: Any, found: Any) -> float:
    """Donut's accuracy as its authors compute it: zss on a tree, against the truth's size."""
    trees = [zss_tree(donut.tree(value)) for value in (found, truth, {})]
    return max(0.0, 1 - edits(trees[0], trees[1]) / edits(trees[2], trees[1]))


def zss_tree(node: Any) -> Node:
    return Node((node.leaf, node.label), [zss_tree(child) for child in node.children])


def edits(one: Node, other: Node) -> Any:
    def weight(node: Node) -> int:
        leaf, text = node.label
        return len(text) if leaf else 1

    def change(first: Node, second: Node) -> int:
        (leaf, text), (other_leaf, other_text) = first.label, second.label
        if leaf and other_leaf:
            return Levenshtein.distance(text, other_text)
        if leaf or other_leaf:
            return 1 + len(text if leaf else other_text)
        return int(text != other_text)

    return distance(one, other, Node.get_children, weight, weight, change)


def memory(count: int) -> dict[str, Any]:
    """Score `count` predictions of a file; 500 different documents, over and over."""
    made = documents(500)
    with tempfile.TemporaryDirectory() as held:
        files = output_files(Path(held))

        def rows() -> Iterator[Any]:
            return (p.to_json() for _, p in islice(cycle(made), count))

        write_jsonl(files.predictions, rows())
        before = peak()
        started = time.process_time()
        truths = (truth for truth, _ in islice(cycle(made), count))
        answers = zip(truths, read_predictions(files.predictions), strict=True)
        results = judged(answers, Plan(metrics=False))
        evaluated = Evaluated(
            model="", model_sha256="", engine="", decoding="off", data_file="", data_sha256="",
            max_new_tokens=0,
        )  # fmt: skip
        evaluation = write_evaluation(evaluated, results, files)
        return {
            "predictions": len(evaluation.table.ids),
            "peak_mb": peak(),
            "of_these_before_scoring_mb": before,
            "predictions_per_cpu_s_with_files": round(count / (time.process_time() - started)),
        }


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    arguments = sys.argv[1:]
    if arguments[:1] == ["--memory"]:
        print(json.dumps(memory(int(arguments[1]) if arguments[1:] else 100_000)))
    else:
        print(json.dumps(speed(int(arguments[0]) if arguments else 2000)))


if __name__ == "__main__":
    main()

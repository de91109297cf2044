"""How well a model reads generated invoices: layouts it was trained on, unseen ones, scans of both.

    python benchmarks/base_model.py --output runs/base_model [--model M] [--count 400] [--scans 100]

Documents of a seed that pre-training never draws, strict decoding. Intervals of 95 % by the
percentile bootstrap over documents. "In the text" are documents whose every true value stands in
their text, spaces aside: OCR misreads, and what it misread cannot be copied. The last column
counts values that are not in the document. The sets are kept and a killed run goes on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.base.corpus import printed_rows
from erniekit_finetuning.data.pairs_file import read_pairs
from erniekit_finetuning.data.prompts import Instruction
from erniekit_finetuning.decoding.units import rows
from erniekit_finetuning.documents.model import Document
from erniekit_finetuning.documents.opening import read_document
from erniekit_finetuning.documents.text import document_text
from erniekit_finetuning.evaluation.judging import DocumentResult
from erniekit_finetuning.evaluation.matching import Verdict
from erniekit_finetuning.evaluation.result import Evaluation, output_files
from erniekit_finetuning.evaluation.running import Options, evaluate_here, opened
from erniekit_finetuning.evaluation.test_data import open_test_data
from erniekit_finetuning.files import write_jsonl
from erniekit_finetuning.invoice.answer import read_object
from synthetic_invoice_generator.config import GeneratorConfig, load_config
from synthetic_invoice_generator.dataset.generate import generate

CONFIGS = Path(__file__).parent.parent / "configs" / "generator"
SEED = 20270101
DRAWS = 2000
NAMES = ("seller.name", "buyer.name")
HEADER = ("number", "issue_date", "due_date")
Counts = tuple[float, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--model", default="ernie-4.5-tiny")
    parser.add_argument("--engine", default="paddle")
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--scans", type=int, default=100)
    arguments = parser.parse_args()
    scores = ("totals, dates, numbers", "names", "line items, F1", "whole documents", "in the text")
    print(f"| set | documents | {' | '.join(scores)} | not there |")
    print("|---|---:|---|---|---|---|---|---:|")
    options = Options(engine=arguments.engine, max_new_tokens=2048, metrics=False)
    for name in ("pretrain", "unseen"):
        config = load_config(CONFIGS / f"{name}.yaml")
        for kind, count in (("text", arguments.count), ("scan", arguments.scans)):
            if not count:
                continue
            folder = arguments.output / f"{name}-{kind}"
            pairs = made(config, folder, count, kind == "scan")
            told = evaluate_here(arguments.model, opened(pairs, folder, options), folder, options)
            strange = not_there(pairs, output_files(folder).predictions)
            there = interval([(int(one), 1) for one in in_the_text(pairs)])
            scored = (f"{name}, {kind}", str(count), *columns(told), there, strange)
            print(f"| {' | '.join(scored)} |", flush=True)


def made(config: GeneratorConfig, folder: Path, count: int, scans: bool) -> Path:
    """The pairs of a set; those of scans hold the text that OCR reads from the images."""
    pairs, drawn = folder.with_suffix(".jsonl"), folder / "set"
    if pairs.exists():
        return pairs
    tiers = {"tiers": {"scan": 1.0} if scans else {"clean": 1.0}}
    whole = GeneratorConfig.model_validate(config.model_dump() | tiers)
    generate(whole, count, drawn, SEED, 1, progress=False)
    clean = folder / "clean.jsonl"
    open_test_data(drawn / "training_manifest.json", clean, Instruction.EXTRACTION)
    if not scans:
        return clean.rename(pairs)
    read = (
        pair.model_copy(update={"text": ocr_text(folder, pair.all_images), "pages": None})
        for pair in read_pairs(clean)
    )
    write_jsonl(pairs, (pair.model_dump(exclude_none=True) for pair in read))
    return pairs


def ocr_text(folder: Path, images: tuple[str, ...]) -> str:
    """The text of the page images."""
    pages = [read_document(folder / image).pages for image in images]
    return document_text(Document(tuple(page for some in pages for page in some), "ocr"))


def in_the_text(pairs: Path) -> Iterator[bool]:
    """Whether every row of every true value of a document stands in a row of its text."""
    for pair in read_pairs(pairs):
        page = cells((pair.text or "").replace(" ", ""))
        truth = printed_rows(json.loads(pair.answer)["structured_data"])
        yield all(any(row.replace(" ", "") in there for there in page) for row in truth)


def cells(text: str) -> list[str]:
    """What stands in each column of each row."""
    return ["".join(row) for row in rows(text)]


def not_there(pairs: Path, predictions: Path) -> str:
    """How many rows of values stand in no row of their document, of how many."""
    texts = {pair.id: pair.text or "" for pair in read_pairs(pairs)}
    missing = said = 0
    with predictions.open(encoding="utf-8") as file:
        for one in map(json.loads, file):
            page = cells(texts[one["id"]])
            data, problem = read_object(one["text"], one["finished"])
            assert problem is None, problem
            for row in printed_rows(data):
                said += 1
                missing += not any(row in there for there in page)
    return f"{missing} of {said:,}"


def columns(told: Evaluation) -> Iterator[str]:
    """The table's cells: a score and its interval."""
    results = list(told.documents())
    yield interval(
        [
            right(one, lambda field: field in HEADER or field.startswith("totals."))
            for one in results
        ]
    )
    yield interval([right(one, lambda field: field in NAMES) for one in results])
    yield interval(items(told))
    yield interval([(int(not one.errors and one.problem is None), 1) for one in results])


def right(one: DocumentResult, wanted: Callable[[str], bool]) -> Counts:
    """Fields read right, and fields that the truth or the reading has."""
    some = [match for match in one.matches if wanted(match.field)]
    return sum(match.verdict is Verdict.CORRECT for match in some), len(some)


def items(told: Evaluation) -> list[Counts]:
    """The parts of the lines' F1: twice the right ones, and those of truth and reading."""
    right, expected, found = (
        told.table.column(name) for name in ("items_right", "items_expected", "items_found")
    )
    return list(zip(2 * right, expected + found, strict=True))


def interval(counts: list[Counts]) -> str:
    """The share and its 95 % interval."""
    table: NDArray[np.float64] = np.array(counts, float)
    rng = np.random.default_rng(0)
    drawn = table[rng.integers(0, len(table), (DRAWS, len(table)))].sum(1)
    low, high = np.quantile(drawn[:, 0] / np.maximum(drawn[:, 1], 1), (0.025, 0.975))
    share = table[:, 0].sum() / max(table[:, 1].sum(), 1)
    return f"{share:.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()

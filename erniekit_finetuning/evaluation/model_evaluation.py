"""Evaluate one model on a pairs file: predict, judge, score, write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

from erniekit_finetuning.data.pair import Pair
from erniekit_finetuning.data.pairs_file import read_pairs
from erniekit_finetuning.decoding import Decoding
from erniekit_finetuning.engines.registry import get_engine
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.evaluation.fingerprints import file_sha256, model_fingerprint
from erniekit_finetuning.evaluation.judging import Truth, judge
from erniekit_finetuning.evaluation.predictions import (
    MAX_NEW_TOKENS,
    Prediction,
    document_id,
    predict,
)
from erniekit_finetuning.evaluation.result import Evaluation, output_files, write_evaluation
from erniekit_finetuning.evaluation.scores import score
from erniekit_finetuning.invoice.shapes import read_invoice
from erniekit_finetuning.invoice.strict_json import parse


def evaluate_model(
    model: str | Path,
    pairs_path: Path,
    output: Path,
    *,
    part: str = "",
    engine: str = "paddle",
    batch_size: int = 16,
    limit: int | None = None,
    max_new_tokens: int = MAX_NEW_TOKENS,
    decoding: Decoding = Decoding.GROUNDED,
    on_done: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Evaluate `model` on the first `limit` pairs and write results and predictions to `output`.

    `on_done(done, total)` follows every answer. Answers stored by an earlier run of the same model
    are kept. `decoding`: see `predict`; `part`: see `output_files`. Raises UnusableInput for test
    data without truth or text.
    """
    files = output_files(output, part)
    pairs = list(islice(read_pairs(pairs_path), limit))
    truths = read_truths(pairs, pairs_path)
    fingerprint = model_fingerprint(model)
    reader = get_engine(engine).load(model, batch_size)
    done = 0

    def count(_: Prediction) -> None:
        nonlocal done
        done += 1
        if on_done is not None:
            on_done(done, len(pairs))

    store = files.predictions
    predictions = predict(reader, pairs, store, fingerprint, max_new_tokens, decoding, count)
    documents = tuple(map(judge, truths, predictions))
    evaluation = Evaluation(
        model=str(model),
        model_sha256=fingerprint,
        engine=engine,
        data_file=str(pairs_path),
        data_sha256=file_sha256(pairs_path),
        max_new_tokens=max_new_tokens,
        scores=score(documents),
        documents=documents,
    )
    write_evaluation(evaluation, files.results)
    return evaluation


def read_truths(pairs: Sequence[Pair], path: Path) -> list[Truth]:
    """The answers of the pairs as invoices; raises UnusableInput naming every one that is none."""
    truths: list[Truth] = []
    problems: list[Problem] = []
    for index, pair in enumerate(pairs):
        name = document_id(pair, index)
        images = pair.images or ((pair.image,) if pair.image else ())
        try:
            truths.append(Truth(name, read_invoice(parse(pair.answer)).invoice, images))
        except UnusableInput as error:
            problems.append(
                Problem(
                    "the answer is not an invoice",
                    file=str(path),
                    field=name,
                    found=str(error).splitlines()[0],
                    cure="run validate-data on the file, and correct or drop the pair",
                )
            )
    if problems:
        raise UnusableInput(problems)
    return truths

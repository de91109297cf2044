"""Grounded decoding: every truth can be said, nothing else can, and any model keeps to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from tiny_model import build_tiny_model, random_weights

from erniekit_finetuning.base import tokenizer as base_tokenizer
from erniekit_finetuning.data.labelling import make_pair, validation_summary
from erniekit_finetuning.data.pair import Pair, Turn, compact
from erniekit_finetuning.data.prompts import Instruction
from erniekit_finetuning.decoding import Decoding, answer_grammar, grounded
from erniekit_finetuning.documents.text import document_text
from erniekit_finetuning.engines.protocol import Question, Reader, Vocabulary
from erniekit_finetuning.engines.registry import get_engine
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.evaluation.asking import Asking, ask_all
from erniekit_finetuning.evaluation.predictions import Prediction, read_predictions
from erniekit_finetuning.invoice.answer import read_answer
from erniekit_finetuning.invoice.model import Invoice, Line
from erniekit_finetuning.invoice.response import structured_data
from synthetic_invoice_generator.config import load_config
from synthetic_invoice_generator.dataset.stream import pdf_documents

GENERATOR = Path(__file__).parents[1] / "configs/generator/default.yaml"
TOKENIZER = base_tokenizer.build(["Invoice", "Total"])
# Wider than the tokenizer, as models pad their vocabulary.
VOCABULARY = Vocabulary(
    TOKENIZER.to_str(), TOKENIZER.get_vocab_size() + 7, TOKENIZER.token_to_id(base_tokenizer.EOS)
)


def says(text: str, answer: str, full_analysis: bool = False) -> bool:
    """Whether the document's grammar lets the whole answer and then the end token through."""
    constraint = grounded(text, full_analysis, "doc")(VOCABULARY)
    for token in TOKENIZER.encode(answer, add_special_tokens=False).ids:
        if not constraint.mask()[token]:
            return False
        constraint.accept(token)
    return np.flatnonzero(constraint.mask()).tolist() == [VOCABULARY.end_token]


def answer(name: str | None = None, lines: int = 0, **client: str) -> str:
    data = structured_data(Invoice(lines=(Line(),) * lines))
    data["vendor_block"]["name"] = name
    data["client_info"] |= client
    return compact({"structured_data": data})


def leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from leaves(item)


@pytest.fixture(scope="module")
def documents() -> list[tuple[Invoice, str]]:
    made = pdf_documents(load_config(GENERATOR), seed=4711, start=0, count=200)
    return [(invoice, document_text(document)) for invoice, document in made]


def test_the_truth_of_generated_documents_can_be_said(
    documents: list[tuple[Invoice, str]],
) -> None:
    said = [
        says(text, compact({"structured_data": structured_data(invoice)}))
        for invoice, text in documents
    ]
    assert sum(said) >= 0.99 * len(documents)


def test_a_full_analysis_ends_with_a_validation_summary(
    documents: list[tuple[Invoice, str]],
) -> None:
    for invoice, text in documents[:20]:
        pair = make_pair("x", ("x.png",), text, invoice, Instruction.FULL_ANALYSIS)
        assert says(text, pair.answer, full_analysis=True)
        assert not says(text, pair.answer, full_analysis=False)
    failed = {"structured_data": structured_data(Invoice())}
    failed["validation_summary"] = validation_summary(Invoice())
    assert failed["validation_summary"]["issues"]
    assert says("5", compact(failed), full_analysis=True)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Total\t12,50€", "12,50"),
        ("Total EUR12,50", "12,50"),
        ("Total EUR12,50", "EUR"),
        ("Invoice #R-17", "R-17"),
        ("合計1000円", "計"),
        ('Bolt 3/4" (x\\y)', '3/4" (x\\y)'),
        ('"', '"'),
        ("C:\\n", "\\n"),
        ("a  b", "a b"),
        ("naïve 😀 Ω", "naïve 😀 Ω"),
    ],
)
def test_spans_of_a_row_can_be_said(text: str, value: str) -> None:
    assert says(text, answer(value))
    assert says(text, answer(None, due_date=value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Acme Ltd", "Acme GmbH"),
        ("Acme Ltd", "Acm"),
        ("Acme Ltd", " Ltd"),
        ("Acme Ltd", ""),
        ("Total 1.250,00", "250,00"),
        ("Total 12,50", "2,50"),
        ("Total\t5", "Total 5"),
        ("Total\t5", "Total\t5"),
        ("a\fb", "a b"),
        ("a\\nb", "a\nx"),
        ("C:\\n", "\n"),
    ],
)
def test_everything_else_cannot(text: str, value: str) -> None:
    assert not says(text, answer(value))


def test_only_some_values_take_several_rows() -> None:
    assert says("Acme\nLtd\n5", answer("Acme\nLtd"))
    assert says("Acme\nLtd\n5", answer("5\nAcme"))
    assert not says("Acme\nLtd\n5", answer("\n".join(["Acme"] * 7)))
    assert not says("Acme\nLtd\n5", answer(None, invoice_number="Acme\nLtd"))


def test_the_shape_is_fixed() -> None:
    assert says("5", answer(lines=0))
    assert says("5", answer(lines=100))
    assert not says("5", answer(lines=101))
    assert not says("5", "{}")
    assert not says("5", answer().replace(":", ": "))
    assert not says("5", answer().replace('"tax":null,', ""))


def test_a_document_without_print_is_named() -> None:
    with pytest.raises(ValueError, match="prints nothing"):
        answer_grammar(" \n\t\f", full_analysis=False)
    with pytest.raises(UnusableInput, match=r"scan-7.*prints nothing"):
        grounded("", full_analysis=False, document="scan-7")


def test_a_token_that_is_shut_out_is_an_error_that_names_the_document() -> None:
    constraint = grounded("5", full_analysis=False, document="scan-7")(VOCABULARY)
    with pytest.raises(UnusableInput, match="scan-7"):
        constraint.accept(VOCABULARY.end_token)


def test_a_tokenizer_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    folder = build_tiny_model(tmp_path)  # neither byte-level nor byte-fallback
    vocabulary = Vocabulary((folder / "tokenizer.json").read_text(), 103, 2)
    with pytest.raises(UnusableInput, match="decoding: free"):
        grounded("5", full_analysis=False, document="doc")(vocabulary)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Random weights behind the small model's tokenizer: a model that invents everything."""
    pytest.importorskip("paddleformers")
    folder = build_tiny_model(tmp_path_factory.mktemp("model"), context=4096)
    base_tokenizer.save(TOKENIZER, folder, 4096)
    config = json.loads((folder / "config.json").read_text())
    config["vocab_size"] = VOCABULARY.size
    (folder / "config.json").write_text(json.dumps(config))
    weights = random_weights(VOCABULARY.size, seed=3)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return get_engine().load(folder, batch_size=4)


DOCUMENTS = ("Acme Ltd\tInvoice 7\nTotal\t5.00", 'Bolt 3/4"\t12,50€\na\\b', "合計\t1000円", "x")


def test_a_model_that_invents_everything_still_answers_from_the_document(reader: Reader) -> None:
    makers = [grounded(text, False, text) for text in DOCUMENTS]
    together = reader.generate(list(map(Question.ask, DOCUMENTS, makers)), 600)
    assert any(one.finished for one in together)
    for text, maker, said in zip(DOCUMENTS, makers, together, strict=True):
        (alone,) = reader.generate([Question.ask(text, maker)], 600)
        assert (alone.text, alone.new_tokens) == (said.text, said.new_tokens)
        assert alone.mean_logprob == pytest.approx(said.mean_logprob, abs=1e-4)
        assert said.mean_logprob is not None
        assert said.mean_logprob < -1  # the model's own view of what it was made to say
        if said.finished:
            assert read_answer(said.text).problem is None
            for leaf in leaves(json.loads(said.text)):
                assert all(row in text for row in leaf.split("\n"))


def test_rows_without_a_constraint_answer_as_before(reader: Reader) -> None:
    first, second = map(Question.ask, DOCUMENTS[:2])
    free = reader.generate([first, second], 20)
    bound = Question.ask(DOCUMENTS[1], grounded(DOCUMENTS[1], False, "b"))
    mixed = reader.generate([first, bound], 20)
    assert mixed[0].text == free[0].text
    assert mixed[0].mean_logprob == pytest.approx(free[0].mean_logprob, abs=1e-5)
    assert mixed[1].text != free[1].text
    assert mixed[1].text
    assert answer().startswith(mixed[1].text)  # 20 tokens do not get beyond the first keys


def test_predictions_are_grounded_where_they_can_be_and_say_so(
    reader: Reader, tmp_path: Path
) -> None:
    own = make_pair("own", ("p.png",), DOCUMENTS[0], Invoice(), Instruction.EXTRACTION)
    full = make_pair("full", ("p.png",), DOCUMENTS[0], Invoice(), Instruction.FULL_ANALYSIS)
    said = Turn(role="assistant", content="{}")
    theirs = Turn(role="human", content="<image>\nWhat does it cost?")
    foreign = Pair(id="foreign", image="p", text="Total 5", conversations=(theirs, said))
    store = tmp_path / "predictions.jsonl"

    def run(decoding: Decoding) -> list[Prediction]:
        ask_all(reader, [own, full, foreign], store, Asking("m", tmp_path, 12, decoding))
        return list(read_predictions(store))[:3]

    first = run(Decoding.GROUNDED)
    assert [one.decoding for one in first] == ["grounded", "grounded", "free"]
    assert first[0].text
    assert answer().startswith(first[0].text)
    free = run(Decoding.FREE)
    assert [one.decoding for one in free] == ["free"] * 3
    assert free[0].text != first[0].text
    assert free[2] == first[2]  # kept: it was free already
    assert run(Decoding.GROUNDED) == first  # kept, times and all
    rows = [json.loads(line) for line in store.read_text().splitlines()]
    assert sorted(row["decoding"] for row in rows) == ["free"] * 3 + ["grounded"] * 2

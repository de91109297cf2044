"""Strict decoding: every truth can be said, nothing else can, and any model keeps to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
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
from erniekit_finetuning.data.schemas.tree import Array, Node, Object, Print, Text
from erniekit_finetuning.decoding import Decoding, answer_tree, held, own_answer
from erniekit_finetuning.decoding.constraint import Held
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


def ours(text: str, full_analysis: bool = False, document: str = "doc") -> Held:
    return held(text, own_answer(full_analysis), Decoding.STRICT, document)


def says(text: str, answer: str, schema: Object | None = None) -> bool:
    """Whether the document's grammar lets the whole answer and then the end token through."""
    schema = own_answer() if schema is None else schema
    constraint = held(text, schema, Decoding.STRICT, "doc")(VOCABULARY)
    assert constraint is not None
    for token in TOKENIZER.encode(answer, add_special_tokens=False).ids:
        added = constraint.added()
        assert set(added.tolist()) <= {0, -np.inf}
        if added[token] < 0:
            return False
        constraint.accept(token)
    return np.flatnonzero(constraint.added() == 0).tolist() == [VOCABULARY.end_token]


def without_shapes(node: Node) -> Any:
    """The same schema of values that may be any span."""
    if isinstance(node, Object):
        members = tuple((key, without_shapes(part)) for key, part in node.members)
        return replace(node, members=members)
    if isinstance(node, Array):
        return replace(node, items=without_shapes(node.items))
    if isinstance(node, Text) and node.printed is not Print.ROWS:
        return replace(node, printed=Print.TEXT)
    return node


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
    spans = without_shapes(own_answer())
    said = 0
    for invoice, text in documents:
        truth = compact({"structured_data": structured_data(invoice)})
        said += says(text, truth)
        # What a print may look like shuts out nothing that stands in the document.
        assert says(text, truth) or not says(text, truth, spans), truth
    assert said >= 0.99 * len(documents)
    assert len({invoice.language for invoice, _ in documents}) == 10  # of thirteen locales


def test_a_full_analysis_ends_with_a_validation_summary(
    documents: list[tuple[Invoice, str]],
) -> None:
    for invoice, text in documents[:20]:
        pair = make_pair("x", ("x.png",), text, invoice, Instruction.FULL_ANALYSIS)
        assert says(text, pair.answer, own_answer(full_analysis=True))
        assert not says(text, pair.answer)
    failed = {"structured_data": structured_data(Invoice())}
    failed["validation_summary"] = validation_summary(Invoice())
    assert failed["validation_summary"]["issues"]
    assert says("5", compact(failed), own_answer(full_analysis=True))


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
    # A number of an invoice has a digit and no marks that part it from other things.
    numbered = any(map(str.isdecimal, value)) and not set(value) & set("():;€")
    assert says(text, answer(None, invoice_number=value)) == numbered


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
    assert says(" \n\t\f", answer())
    assert not says(" \n\t\f", answer(" "))
    total = {"type": "object", "properties": {"total": {"type": "string"}}}
    with pytest.raises(UnusableInput, match=r"scan-7: total: nothing in the document can be"):
        held(" \n\t\f", answer_tree(total), Decoding.STRICT, "scan-7")


def test_a_token_that_is_shut_out_is_an_error_that_names_the_document() -> None:
    constraint = ours("5", document="scan-7")(VOCABULARY)
    assert constraint is not None
    with pytest.raises(UnusableInput, match="scan-7"):
        constraint.accept(VOCABULARY.end_token)


def test_a_tokenizer_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    folder = build_tiny_model(tmp_path)  # neither byte-level nor byte-fallback
    vocabulary = Vocabulary((folder / "tokenizer.json").read_text(), 103, 2)
    for unreadable in (vocabulary, replace(vocabulary, tokenizer_json=None)):
        with pytest.raises(UnusableInput, match="decoding: off"):
            ours("5")(unreadable)
        free = held("5", own_answer(), Decoding.OFF, "doc")
        with pytest.warns(UserWarning, match="answers are free"):
            assert free(unreadable) is None


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
    makers = [ours(text) for text in DOCUMENTS]
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
    bound = Question.ask(DOCUMENTS[1], ours(DOCUMENTS[1]))
    mixed = reader.generate([first, bound], 20)
    assert mixed[0].text == free[0].text
    assert mixed[0].mean_logprob == pytest.approx(free[0].mean_logprob, abs=1e-5)
    assert mixed[1].text != free[1].text
    assert mixed[1].text
    assert answer().startswith(mixed[1].text)  # 20 tokens do not get beyond the first keys


def test_predictions_are_held_where_they_can_be_and_say_so(reader: Reader, tmp_path: Path) -> None:
    own = make_pair("own", ("p.png",), DOCUMENTS[0], Invoice(), Instruction.EXTRACTION)
    full = make_pair("full", ("p.png",), DOCUMENTS[0], Invoice(), Instruction.FULL_ANALYSIS)
    said = Turn(role="assistant", content="{}")
    theirs = Turn(role="human", content="<image>\nWhat does it cost?")
    foreign = Pair(id="foreign", image="p", text="Total 5", conversations=(theirs, said))
    store = tmp_path / "predictions.jsonl"

    def run(decoding: Decoding) -> list[Prediction]:
        ask_all(reader, [own, full, foreign], store, Asking("m", tmp_path, 12, decoding))
        return list(read_predictions(store))[:3]

    first = run(Decoding.STRICT)
    assert [one.decoding for one in first] == ["strict", "strict", "off"]
    assert first[0].text
    assert answer().startswith(first[0].text)
    shaped = run(Decoding.OFF)
    assert [one.decoding for one in shaped] == ["off"] * 3
    assert shaped[0].text
    assert answer().startswith(shaped[0].text)
    assert shaped[2] == first[2]  # kept: it was free already
    assert [bool(one.bounds_sha256) for one in shaped] == [True, True, False]
    assert run(Decoding.STRICT) == first  # kept, times and all
    rows = [json.loads(line) for line in store.read_text().splitlines()]
    assert sorted(row["decoding"] for row in rows) == ["off"] * 3 + ["strict"] * 2

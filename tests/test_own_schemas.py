"""Answers of a shape of one's own, end to end on the shipped model, on both engines."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from erniekit_finetuning.data.labelling import make_pair, words_of
from erniekit_finetuning.data.pair import Pair, Turn, compact
from erniekit_finetuning.data.prompts import Instruction
from erniekit_finetuning.decoding import Decoding, answer_tree, placed
from erniekit_finetuning.decoding.candidates import candidates
from erniekit_finetuning.documents.text import document_text
from erniekit_finetuning.evaluation.asking import Asked, Asking, question_of
from erniekit_finetuning.evaluation.predictions import Prediction, read_predictions
from erniekit_finetuning.evaluation.schemas import kinds_of
from erniekit_finetuning.invoice.model import Invoice
from synthetic_invoice_generator.config import load_config
from synthetic_invoice_generator.dataset.stream import pdf_documents

GENERATOR = Path(__file__).parents[1] / "configs/generator/default.yaml"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["invoice", "receipt"]},
        "supplier": {"type": "string", "maxLength": 60},
        "issued": {"type": ["string", "null"], "format": "date"},
        "total": {"type": ["number", "null"]},
        "total_printed": {"type": "string", "printed": "amount"},
        "remark": {"type": "string", "grounding": "off", "maxLength": 20},
        "lines": {
            "type": "array",
            "minItems": 1,
            "maxItems": 2,
            "items": {
                "type": "object",
                "properties": {
                    "text": {"type": "string", "maxLength": 40},
                    "pieces": {"type": "number"},
                },
                "required": ["text", "pieces"],
            },
        },
        "words": {"type": "array", "items": {"type": "string", "maxLength": 40}, "maxItems": 2},
    },
    "required": ["kind", "supplier", "lines"],
    "additionalProperties": False,
}
ASKED = "<image>\nRead it into our form."


def own(name: str, text: str | None, asked: str = ASKED) -> Pair:
    truth = {"kind": "invoice", "supplier": "Acme", "lines": []}
    turns = (Turn(role="human", content=asked), Turn(role="assistant", content=compact(truth)))
    return Pair(
        id=name, image="p.png" if "<image>" in asked else None, text=text, conversations=turns
    )


def asked(
    pair: Pair,
    decoding: Decoding = Decoding.STRICT,
    schema: Any = SCHEMA,
    images: Path | None = None,
) -> Asked:
    tree = None if schema is None else answer_tree(schema)
    how = Asking("m", images or Path(), 9, decoding, tree)
    return question_of(pair, 0, images is not None, how)


def test_a_schema_holds_answers_of_ones_own_and_leaves_ours_as_they_are() -> None:
    assert asked(own("a", "Acme 5"), schema=None).key.bounds_sha256 == ""
    keys = [asked(own("a", "Acme 5"), mode).key for mode in Decoding]
    assert [key.decoding for key in keys] == list(Decoding)
    assert len({key.bounds_sha256 for key in keys}) == 3
    assert len({key.prompt for key in keys}) == 1
    # The instruction is ours, the answer is not.
    as_ours = own("a", "Acme 5", "<image>\nExtract the invoice as JSON.")
    assert asked(as_ours).key.bounds_sha256 == keys[0].bounds_sha256
    ours = make_pair("b", ("p.png",), "Acme 5", Invoice(), Instruction.EXTRACTION)
    assert asked(ours).key == asked(ours, schema=None).key != asked(as_ours).key


def test_without_a_text_what_the_human_says_is_the_document_else_the_shape_holds(
    tmp_path: Path,
) -> None:
    said = asked(own("a", None, "Acme Ltd, 5.00. Read it into our form."))
    assert said.key.decoding is Decoding.STRICT
    (tmp_path / "p.png").write_bytes(b"a page")
    image_only = asked(own("a", None), images=tmp_path).key
    assert image_only.decoding is Decoding.OFF
    assert image_only.bounds_sha256


def test_a_document_that_can_hold_no_answer_is_told_and_the_others_are_asked() -> None:
    problem = asked(own("scan-9", "no number")).problem
    assert problem is not None
    assert problem.startswith("scan-9: total_printed: nothing in the document can be this value")
    assert asked(own("a", "Acme 5")).problem is None


def test_a_schema_tells_the_kinds_of_what_it_says_is_printed() -> None:
    kinds = dict(kinds_of(SCHEMA))
    assert kinds == {
        "issued": "date", "total": "amount", "total_printed": "amount", "lines[].pieces": "amount",
    }  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    (folder / "schema.json").write_text(json.dumps(SCHEMA))
    documents = [document for _, document in pdf_documents(load_config(GENERATOR), 21, 0, 3)]
    pairs = [
        own(f"d{number}", document_text(document)).model_copy(update={"pages": words_of(document)})
        for number, document in enumerate(documents)
    ]
    lines = [compact(pair.to_json()) + "\n" for pair in pairs]
    (folder / "test.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="module", params=[Decoding.STRICT, Decoding.PREFER])
def answers(request: pytest.FixtureRequest, folder: Path) -> dict[str, list[Prediction]]:
    """What the shipped model, which never saw such answers, says on each engine."""
    pytest.importorskip("paddleformers")
    pytest.importorskip("torch")
    output = folder / request.param
    command = [
        sys.executable, "-m", "erniekit_finetuning.cli", "compare",
        "ernie-4.5-tiny", "hf:ernie-4.5-tiny", "--no-metrics", "--max-new-tokens", "700",
        "--test-data", str(folder / "test.jsonl"), "--schema", str(folder / "schema.json"),
        "--decoding", request.param, "--output", str(output),
    ]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    files = sorted(output.glob("*/predictions.jsonl"))
    return {file.parent.name: list(read_predictions(file)) for file in files}


def test_both_engines_say_the_same_in_the_shape_asked_for(
    answers: dict[str, list[Prediction]],
) -> None:
    one, other = answers.values()
    assert [said.text for said in one] == [said.text for said in other]
    for said in one:
        assert said.finished
        assert not list(Draft202012Validator(SCHEMA).iter_errors(json.loads(said.text)))


def test_strict_answers_hold_only_what_the_document_can_mean(
    answers: dict[str, list[Prediction]], folder: Path
) -> None:
    (said, *_) = answers.values()
    if said[0].decoding is not Decoding.STRICT:
        pytest.skip("preferred, not demanded")
    documents = [document for _, document in pdf_documents(load_config(GENERATOR), 21, 0, 3)]
    for one, document in zip(said, documents, strict=True):
        answer = json.loads(one.text)
        meanings = candidates(document_text(document))
        if answer["issued"] is not None:
            date.fromisoformat(answer["issued"])
            assert f'"{answer["issued"]}"' in meanings.days
        for leaf in placed(answer, answer_tree(SCHEMA), document):
            free = leaf.path in ("kind", "remark") or leaf.value is None
            assert bool(leaf.places) or free, leaf

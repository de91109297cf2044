"""Answers are asked once, stored first, and judged in any shape in which test data comes."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from judged import ANSWER
from PIL import Image
from tiny_model import build_tiny_model

from erniekit_finetuning.data.formats import FORMATS
from erniekit_finetuning.data.pair import Pair, Turn, compact
from erniekit_finetuning.data.prompts import Instruction
from erniekit_finetuning.data.schemas.own import read_validator
from erniekit_finetuning.decoding import Decoding
from erniekit_finetuning.engines.protocol import TokenScore
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.evaluation.asking import Asking, question_of
from erniekit_finetuning.evaluation.fingerprints import model_fingerprint
from erniekit_finetuning.evaluation.given import read_given
from erniekit_finetuning.evaluation.predictions import Prediction, Store, read_predictions
from erniekit_finetuning.evaluation.result import Evaluation, output_files, read_evaluation
from erniekit_finetuning.evaluation.running import Options, evaluate_answers, evaluate_here, opened
from erniekit_finetuning.evaluation.test_data import open_test_data
from erniekit_finetuning.evaluation.test_set import open_test_set
from erniekit_finetuning.invoice.answer_schema import answer_schema
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.dataset.generate import generate

SAID = Turn(role="assistant", content=compact(ANSWER))


def pair(name: str, asked: str = "Total 5", **more: Any) -> Pair:
    return Pair(id=name, conversations=(Turn(role="human", content=asked), SAID), **more)


def written(path: Path, *pairs: Pair) -> Path:
    path.write_text("".join(compact(one.to_json()) + "\n" for one in pairs), encoding="utf-8")
    return path


def test_what_was_stored_is_what_is_read(tmp_path: Path) -> None:
    whole = Prediction(
        "a", "p", '{"x": "€"}', True, 3, 9, 0.5, (TokenScore(4, -0.25),), Decimal("0.0018"), "m",
        64, None, Decoding.STRICT,
    )  # fmt: skip
    torn = replace(whole, prompt_sha256="q", text="\ud800", finished=False, cost=None)
    store = Store(tmp_path / "p.jsonl", "m", 64)
    store.add(whole)
    store.add(torn)
    assert store.get(whole.key) == whole
    rows = list(read_predictions(tmp_path / "p.jsonl"))
    assert rows == [whole, torn]
    first = json.loads((tmp_path / "p.jsonl").read_text().splitlines()[0])
    assert first["answer"] == {"x": "€"}
    assert Store(tmp_path / "p.jsonl", "m", 65).__contains__(whole.key) is False


def test_a_row_that_a_killed_run_left_half_written_is_asked_again(tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    one = Prediction("a", "p", "x", True, model="m")
    Store(file, "m", one.limit).add(one)
    with file.open("a") as opened_file:
        opened_file.write('{"id": "b", "prompt_sha')
    store = Store(file, "m", one.limit)
    assert one.key in store
    store.add(replace(one, id="c", prompt_sha256="r"))
    assert [row.id for row in read_predictions(file)] == ["a", "c"]


def test_a_real_model_is_asked_once_and_a_long_document_does_not_stop_it(tmp_path: Path) -> None:
    pytest.importorskip("paddleformers")
    model = build_tiny_model(tmp_path / "model", context=128)
    texts = (("short", "Total 5"), ("long", "x" * 500), ("again", "Total 6"), ("twin", "Total 5"))
    data = written(tmp_path / "test.jsonl", *(pair(*one) for one in texts))
    output = tmp_path / "result.json"

    def run(limit: int | None) -> Evaluation:
        options = Options(limit=limit, max_new_tokens=4)
        return evaluate_here(str(model), opened(data, output, options), output, options)

    first = list(run(2).documents())
    assert first[1].problem == "518 tokens do not fit the model's context of 128"
    assert (first[0].asked, first[0].new_tokens, first[1].asked) == (True, 4, False)
    second = run(None)
    assert read_evaluation(output).results == second.results
    assert list(second.documents())[:2] == first  # kept, times and all
    assert second.table.ids == ["short", "long", "again", "twin"]
    rows = list(read_predictions(tmp_path / "result.predictions.jsonl"))
    assert rows[0].text == rows[3].text
    assert rows[0].prompt_tokens == len("User: Total 5\nAssistant: ")
    assert [token.end for token in rows[0].tokens][-1] == len(rows[0].text)
    run(1)
    assert len((tmp_path / "result.predictions.jsonl").read_text().splitlines()) == 3
    assert second.evaluated.model_sha256 == model_fingerprint(model)
    build_tiny_model(tmp_path / "model", seed=1, context=128)
    assert second.evaluated.model_sha256 != model_fingerprint(model)


def test_a_missing_or_foreign_result_is_named(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text('{"format": 1}')
    with pytest.raises(UnusableInput, match="is not an evaluation result"):
        read_evaluation(tmp_path / "r.json")
    with pytest.raises(UnusableInput, match=r"none\.json: cannot be read"):
        read_evaluation(tmp_path / "none.json")


def test_output_names_a_folder_or_a_file(tmp_path: Path) -> None:
    assert output_files(tmp_path / "r.json").html == tmp_path / "r.html"
    assert output_files(tmp_path / "r.v2.json", "baseline").results == (
        tmp_path / "r.v2.baseline.json"
    )
    assert output_files(tmp_path / "r", "baseline").predictions == (
        tmp_path / "r" / "baseline" / "predictions.jsonl"
    )
    assert len(set(output_files(tmp_path / "r.json"))) == 8
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(UnusableInput, match="--output is a file"):
        output_files(tmp_path / "notes.txt")


@pytest.mark.parametrize("name", FORMATS)
def test_test_data_in_any_format_says_the_same(name: str, tmp_path: Path) -> None:
    Image.new("RGB", (40, 40)).save(tmp_path / "page.png")
    one = pair("doc", "<image>\nRead.", image=str(tmp_path / "page.png"), text="Total 5")
    row = compact(FORMATS[name].row(one))
    (tmp_path / "test.jsonl").write_text(row + "\n", encoding="utf-8")
    data = open_test_set(tmp_path / "test.jsonl")
    (truth,) = data.truths({})
    assert truth.ours
    assert truth.said.fields["totals.tax_inclusive"].printed == "30.60"


def test_truth_that_is_no_json_is_named(tmp_path: Path) -> None:
    said = Turn(role="assistant", content="yes")
    odd = Pair(id="odd", conversations=(Turn(role="human", content="Read"), said))
    data = written(tmp_path / "t.jsonl", odd)
    with pytest.raises(UnusableInput, match=r"t\.jsonl: odd: the answer is no truth"):
        open_test_set(data)


@pytest.fixture(scope="module")
def invoices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("invoices")
    generate(GeneratorConfig(), 3, folder, seed=3)
    return folder


def test_a_folder_of_documents_with_their_truth_is_test_data(
    invoices: Path, tmp_path: Path
) -> None:
    data = open_test_data(invoices, tmp_path / "made.jsonl", Instruction.EXTRACTION)
    assert data.count == 3
    pairs = list(data.pairs())
    assert [one.id for one in pairs] == ["inv-000001", "inv-000002", "inv-000003"]
    assert all(one.text and one.pages and one.all_images for one in pairs)
    tags = next(data.truths({})).tags
    assert {"layout", "locale", "tier", "fault", "pages"} <= tags.keys()
    manifest = invoices / "training_manifest.json"
    again = open_test_data(manifest, tmp_path / "again.jsonl", Instruction.EXTRACTION)
    assert [one.answer for one in again.pairs()] == [one.answer for one in pairs]


def test_a_table_of_truths_finds_its_documents(tmp_path: Path) -> None:
    for name in ("a-1", "a-2", "a-10", "ab"):
        Image.new("RGB", (60, 60), "white").save(tmp_path / f"{name}.png")
    truth = {"vendor_name": "Alba", "total": "5.00"}
    rows = [{"id": "a", "truth": truth}, {"file_name": "ab.png", "ground_truth": truth}]
    (tmp_path / "truth.jsonl").write_text("".join(compact(row) + "\n" for row in rows))
    data = open_test_data(tmp_path, tmp_path / "made.jsonl", Instruction.EXTRACTION)
    images = [[Path(name).name for name in one.all_images] for one in data.pairs()]
    assert images == [["a-1.png", "a-2.png", "a-10.png"], ["ab.png"]]
    (tmp_path / "truth.jsonl").write_text(compact({"id": "zz", "truth": truth}))
    with pytest.raises(UnusableInput, match=r"no document of a truth; found zz"):
        open_test_data(tmp_path, tmp_path / "made2.jsonl", Instruction.EXTRACTION)


RECEIPT = {
    "menu": [{"nm": "TEA", "cnt": "2", "price": "10,000"}],
    "total": {"total_price": "10,000"},
}
WRONG = {"menu": [{"nm": "TEA", "cnt": "2", "price": "10,000"}], "total": {"total_price": "19,000"}}


def test_answers_made_elsewhere_are_judged_by_the_truths_that_came_with_them(
    tmp_path: Path,
) -> None:
    published = tmp_path / "published.json"
    lists = {"predictions": [RECEIPT, WRONG], "ground_truths": [{"gt_parse": RECEIPT}, RECEIPT]}
    published.write_text(json.dumps(lists))
    scores = evaluate_answers(published, None, tmp_path / "r", Options()).results.scores
    # 7 of 8 leaves right: 7 / (7 + 2 / 2); the wrong total is one letter of 15 nodes' cost
    assert scores["donut_f1"] == pytest.approx(7 / 8)
    assert scores["field_accuracy"] == pytest.approx(7 / 8)
    assert scores["whole_document_rate"] == 0.5
    assert scores["arithmetic_rate"] is None  # not an invoice whose fields we know
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        "".join(
            compact({"id": str(n), "prediction": one, "ground_truth": RECEIPT}) + "\n"
            for n, one in enumerate((RECEIPT, WRONG))
        )
    )
    again = evaluate_answers(rows, None, tmp_path / "s", Options()).results.scores
    assert {k: v for k, v in again.items() if k != "seconds"} == {
        k: v for k, v in scores.items() if k != "seconds"
    }


def test_answers_meet_their_documents_by_id_or_in_order(tmp_path: Path) -> None:
    data = written(tmp_path / "t.jsonl", pair("one"), pair("two"))
    rows = tmp_path / "p.jsonl"
    rows.write_text(compact({"id": "two", "text": compact(ANSWER)}))
    named = evaluate_answers(rows, data, tmp_path / "r", Options(metrics=False))
    assert [one.problem for one in named.documents()] == ["no answer was given", None]
    rows.write_text(compact({"text": "{}"}))
    with pytest.raises(UnusableInput, match="not as many; found 1 answers; expected 2"):
        evaluate_answers(rows, data, tmp_path / "r", Options(metrics=False))
    rows.write_text(compact({"said": "{}"}))
    with pytest.raises(UnusableInput, match="no answer; expected one of prediction"):
        read_given(rows)
    rows.write_text(compact({"text": "{}"}))
    with pytest.raises(UnusableInput, match="answers without truth"):
        evaluate_answers(rows, None, tmp_path / "r", Options())


def test_a_schema_tells_kinds_and_what_is_valid(tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text(
        json.dumps(
            {
                "type": "object",
                "properties": {"sum": {"type": "number"}, "no": {"type": "string"}},
                "required": ["sum"],
                "additionalProperties": False,
            }
        )
    )
    rows = tmp_path / "p.jsonl"
    truth = {"sum": 12.50, "no": "7"}
    answers: list[Any] = [{"sum": 12.5, "no": "7"}, {"sum": "12.50", "no": "7"}, {"no": "07"}]
    rows.write_text("".join(compact({"text": one, "truth": truth}) + "\n" for one in answers))
    done = evaluate_answers(rows, None, tmp_path / "r", Options(schema=schema, metrics=False))
    documents = list(done.documents())
    assert [one.errors for one in documents] == [0, 0, 2]  # missing, and 07 is not 7
    assert [one.shape_problem is None for one in documents] == [True, False, False]
    assert "'12.50' is not of type 'number'" in str(documents[1].shape_problem)
    schema.write_text('{"type": 5}')
    with pytest.raises(UnusableInput, match="is no JSON Schema"):
        read_validator(schema)


def test_the_schema_of_our_answers_takes_them_and_no_other() -> None:
    from jsonschema import Draft202012Validator

    valid = Draft202012Validator(answer_schema()).is_valid
    said = {"structured_data": ANSWER["structured_data"]}
    assert valid(said)
    assert not valid({"structured_data": {**ANSWER["structured_data"], "more": 1}})
    assert not valid({})


def test_models_are_compared_across_engines_each_in_its_own_process(tmp_path: Path) -> None:
    pytest.importorskip("paddleformers")
    pytest.importorskip("torch")
    model = build_tiny_model(tmp_path / "model", context=128)
    data = written(tmp_path / "t.jsonl", *(pair(f"d{n}", f"Total {n}") for n in range(3)))
    ended = subprocess.run(
        [
            sys.executable, "-m", "erniekit_finetuning.cli", "compare", str(model), f"hf:{model}",
            "--test-data", str(data), "--output", str(tmp_path / "c"), "--max-new-tokens", "8",
            "--no-metrics",
        ],
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "No difference shown between model (hf) and model (paddle)" in ended.stdout
    texts = [
        [row.text for row in read_predictions(tmp_path / "c" / part / "predictions.jsonl")]
        for part in ("1-model", "2-model")
    ]
    assert texts[0] == texts[1]
    assert len(texts[0]) == 3
    found = json.loads((tmp_path / "c" / "comparison.json").read_text())
    assert found["models"]["model (hf)"]["verdict"] == "no difference shown"
    parts = [str(tmp_path / "c" / part) for part in ("1-model", "2-model")]
    command = [sys.executable, "-m", "erniekit_finetuning.cli", "report", *parts]
    again = subprocess.run(
        [*command, "--output", str(tmp_path / "again")], capture_output=True, text=True
    )
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "again" / "report.html").read_text() == (
        tmp_path / "c" / "report.html"
    ).read_text()


def test_a_page_that_is_not_there_is_named(tmp_path: Path) -> None:
    one = pair("doc", "<image>\nRead.", image="gone.png", text="Total 5")
    with pytest.raises(UnusableInput, match=r"doc: an image cannot be read: No such file"):
        question_of(one, 0, True, Asking("m", tmp_path))
    assert question_of(one, 0, False, Asking("m", tmp_path)).question.images == ()


def test_all_truths_of_a_field_tell_its_kind(tmp_path: Path) -> None:
    rows = tmp_path / "p.jsonl"
    truths = [{"sum": "12", "no": "0042"}, {"sum": "12.50", "no": "0043"}]
    answers = [{"sum": "12.00", "no": "42"}, {"sum": "12,50", "no": "0043"}]
    pairs = zip(answers, truths, strict=True)
    rows.write_text("".join(compact({"text": a, "truth": t}) + "\n" for a, t in pairs))
    done = evaluate_answers(rows, None, tmp_path / "r", Options(metrics=False))
    wrong = [(m.field, m.expected) for d in done.documents() for m in d.matches if d.errors
             if m.verdict != "correct"]  # fmt: skip
    assert wrong == [("no", "0042")]  # an amount in another print, but a number that is a name


def test_a_truth_in_a_file_keeps_its_digits(tmp_path: Path) -> None:
    Image.new("RGB", (60, 60), "white").save(tmp_path / "a.png")
    (tmp_path / "a.json").write_text('{"vendor_name": "Alba", "total": 5.00}')
    (truth,) = open_test_data(tmp_path, tmp_path / "m.jsonl", Instruction.EXTRACTION).truths({})
    assert truth.said.fields["totals.tax_inclusive"].printed == "5.00"
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(UnusableInput, match=r"a\.json: cannot be read as JSON"):
        open_test_data(tmp_path, tmp_path / "n.jsonl", Instruction.EXTRACTION)

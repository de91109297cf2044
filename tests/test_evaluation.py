"""Scores worked out by hand: answers written here, not made by a model."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tiny_model import build_tiny_model

from erniekit_finetuning.data.pair import Pair, Turn, compact
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.evaluation.comparison import Outcome, compare
from erniekit_finetuning.evaluation.fingerprints import model_fingerprint
from erniekit_finetuning.evaluation.judging import DocumentResult, Truth, judge
from erniekit_finetuning.evaluation.matching import Match, Verdict, match_invoices
from erniekit_finetuning.evaluation.model_evaluation import evaluate_model, read_truths
from erniekit_finetuning.evaluation.predictions import Prediction
from erniekit_finetuning.evaluation.report import html_report, markdown_report, write_report
from erniekit_finetuning.evaluation.report_style import STYLE
from erniekit_finetuning.evaluation.result import (
    Evaluation,
    output_files,
    read_evaluation,
    write_evaluation,
)
from erniekit_finetuning.evaluation.scores import Scores, score
from erniekit_finetuning.evaluation.table import rich_table, score_rows, verdict
from erniekit_finetuning.invoice.answer import read_answer
from erniekit_finetuning.invoice.model import Invoice

# 2 x 10.00 + 1 x 5.50 = 25.50, + 5.10 tax = 30.60
ANSWER: dict[str, Any] = {
    "structured_data": {
        "vendor_block": {"name": "Alba Ltd", "address": "1 High St\nLeeds", "tax_id": None},
        "client_info": {
            "name": "Bremo Inc",
            "address": None,
            "tax_id": None,
            "invoice_number": "A-17",
            "invoice_date": "25/04/2025",
            "due_date": None,
        },
        "line_items": [
            {
                "description": "Blue pens",
                "quantity": "2",
                "unit_price": "10.00",
                "discount": None,
                "tax_rate": None,
                "line_total": "20.00",
            },
            {
                "description": "Stapler",
                "quantity": "1",
                "unit_price": "5.50",
                "discount": None,
                "tax_rate": None,
                "line_total": "5.50",
            },
        ],
        "financial_summary": {
            "subtotal": "25.50",
            "discount": None,
            "charges": None,
            "net_total": None,
            "tax": "5.10",
            "grand_total": "30.60",
            "prepaid": None,
            "amount_due": None,
            "currency": "£",
        },
        "payment_terms": "30 days net",
    },
    "validation_summary": {"is_valid": True, "math_verified": True, "issues": []},
}
TRUTH = Truth("doc-1", read_answer(compact(ANSWER)).invoice)
# 5 header texts and dates, subtotal, tax, total, currency, terms, and 4 values a line
FIELDS = 5 + 3 + 1 + 1 + 2 * 4

Edit = Callable[[dict[str, Any]], object]


def judged(edit: Edit | None = None, truth: Truth = TRUTH) -> DocumentResult:
    answer = copy.deepcopy(ANSWER)
    if edit is not None:
        edit(answer["structured_data"])
    return judge(truth, answered(compact(answer)))


def answered(text: str, finished: bool = True) -> Prediction:
    return Prediction("doc-1", "", text, finished, new_tokens=100, seconds=0.5, mean_logprob=-0.1)


def found(document: DocumentResult, verdict: Verdict) -> list[Match]:
    return [match for match in document.matches if match.verdict is verdict]


def of(document: DocumentResult) -> Scores:
    return score([document])


def evaluation(documents: list[DocumentResult], model: str = "m") -> Evaluation:
    return Evaluation(
        model=model,
        model_sha256="0" * 64,
        engine="paddle",
        data_file="test.jsonl",
        data_sha256="1" * 64,
        max_new_tokens=1024,
        scores=score(documents),
        documents=tuple(documents),
    )


def test_a_perfect_prediction_scores_one_everywhere() -> None:
    scores = of(judged())
    assert scores.fields.correct == FIELDS
    assert scores.own_verdict is not None
    assert {
        scores.fields.accuracy,
        scores.lines.precision,
        scores.lines.recall,
        scores.lines.f1,
        scores.whole_document_rate,
        scores.validity_rate,
        scores.arithmetic_rate,
        scores.verifiable_rate,
        scores.rule_compliance,
        scores.own_verdict.agreement,
    } == {1.0}
    assert (scores.tokens_a_document, scores.seconds_a_document) == (100, 0.5)


def test_one_wrong_digit_in_the_total_costs_one_field_and_the_document() -> None:
    document = judged(lambda data: data["financial_summary"].update(grand_total="80.60"))
    (wrong,) = found(document, Verdict.WRONG)
    assert (wrong.field, wrong.expected, wrong.found) == ("totals.tax_inclusive", "30.60", "80.60")
    scores = of(document)
    assert scores.fields.accuracy == pytest.approx((FIELDS - 1) / FIELDS, abs=1e-6)
    assert (scores.whole_documents, scores.arithmetic_verified, scores.lines.f1) == (0, 0, 1.0)
    # line nets (2), their sum and required fields pass; net + tax = total fails
    assert (scores.rules_applied, scores.rules_passed) == (5, 4)
    assert scores.own_verdict is not None
    assert scores.own_verdict.called_valid_wrongly == 1


def test_a_price_moved_to_the_other_line_makes_both_lines_wrong() -> None:
    def swap(data: dict[str, Any]) -> None:
        first, second = data["line_items"]
        first["unit_price"], second["unit_price"] = second["unit_price"], first["unit_price"]

    document = judged(swap)
    assert [m.field for m in found(document, Verdict.WRONG)] == ["lines.unit_price"] * 2
    scores = of(document)
    assert (scores.lines.right, scores.lines.expected, scores.lines.found) == (0, 2, 2)
    assert scores.arithmetic_verified == 0


def test_lines_in_another_order_are_the_same_lines() -> None:
    scores = of(judged(lambda data: data["line_items"].reverse()))
    assert (scores.fields.accuracy, scores.lines.f1, scores.whole_documents) == (1.0, 1.0, 1)


def test_an_invented_tax_id_counts_against_accuracy() -> None:
    document = judged(lambda data: data["vendor_block"].update(tax_id="GB123456789"))
    (invented,) = found(document, Verdict.INVENTED)
    assert (invented.field, invented.found) == ("seller.vat_id", "GB123456789")
    scores = of(document)
    assert scores.fields.accuracy == pytest.approx(FIELDS / (FIELDS + 1), abs=1e-6)
    assert scores.whole_documents == 0
    assert scores.by_field["seller.vat_id"].accuracy == 0.0
    assert scores.by_field["buyer.vat_id"].accuracy is None


def test_a_duplicated_line_is_four_invented_fields_and_costs_precision() -> None:
    document = judged(lambda data: data["line_items"].append(dict(data["line_items"][0])))
    invented = found(document, Verdict.INVENTED)
    assert {m.field for m in invented} == {
        "lines.description", "lines.quantity", "lines.unit_price", "lines.net_amount",
    }  # fmt: skip
    assert {(m.line, m.found_line) for m in invented} == {(None, 2)}
    lines = of(document).lines
    assert (lines.recall, lines.f1) == (1.0, 0.8)
    assert lines.precision == pytest.approx(2 / 3, abs=1e-6)


def test_a_lost_line_is_four_missing_fields() -> None:
    document = judged(lambda data: data["line_items"].pop(0))
    assert [m.line for m in found(document, Verdict.MISSING)] == [0] * 4
    lines = of(document).lines
    assert (lines.precision, lines.recall) == (1.0, 0.5)


def test_lines_with_nothing_in_common_are_not_paired() -> None:
    other = {"description": "Qqq", "quantity": "7", "unit_price": "3.33", "line_total": "23.31"}
    document = judged(lambda data: data["line_items"].__setitem__(1, other))
    assert len(found(document, Verdict.MISSING)) == len(found(document, Verdict.INVENTED)) == 4


@pytest.mark.parametrize(
    ("text", "finished", "why"),
    [
        ("", True, "empty"),
        (compact(ANSWER)[:-40], False, "cut off"),
        (compact(ANSWER)[:-1], True, "not JSON"),
        (f"Here it is: {compact(ANSWER)}", True, "not JSON"),
        (compact({**ANSWER, "notes": "x"}), True, "unknown key: notes"),
        ('{"structured_data":{"client_info":{"iban":"x"}}}', True, "client_info.iban"),
        ('{"structured_data":{"vendor_block":{"name":"a","name":"b"}}}', True, "twice: name"),
        ('{"structured_data":{"vendor_block":{"name":["a"]}}}', True, "not a value"),
        ('{"structured_data":{"payment_terms":NaN}}', True, "NaN"),
        ('{"structured_data":[]}', True, "no structured_data"),
        ("[" * 100_000, True, "nested too deeply"),
    ],
)
def test_an_answer_that_is_not_valid_misses_every_field(
    text: str, finished: bool, why: str
) -> None:
    document = judge(TRUTH, answered(text, finished))
    assert document.problem is not None
    assert why in document.problem
    scores = of(document)
    assert (scores.valid, scores.fields.missing, scores.fields.accuracy) == (0, FIELDS, 0.0)
    assert (scores.lines.recall, scores.lines.found, scores.arithmetic_verified) == (0.0, 0, 0)
    assert scores.truncated == (not finished)


def test_nothing_found_where_nothing_is_printed_has_no_accuracy() -> None:
    nothing = judge(Truth("blank", Invoice()), answered('{"structured_data":{}}'))
    assert of(nothing).fields.accuracy is None
    assert of(nothing).whole_documents == 1
    assert of(nothing).lines.f1 is None
    everything = judged(truth=Truth("blank", Invoice()))
    assert of(everything).fields.invented == FIELDS
    assert (of(everything).fields.accuracy, of(everything).lines.precision) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("block", "key", "printed"),
    [
        ("financial_summary", "grand_total", "£ 30.60"),
        ("financial_summary", "grand_total", "30,60"),
        ("financial_summary", "currency", "GBP"),
        ("client_info", "invoice_date", "25 April 2025"),
        ("vendor_block", "address", "1  HIGH ST Leeds"),
    ],
)
def test_the_same_value_in_another_print_is_correct(block: str, key: str, printed: str) -> None:
    document = judged(lambda data: data[block].update({key: printed}))
    assert document.errors == 0


def test_a_lone_total_verifies_nothing() -> None:
    text = '{"structured_data":{"financial_summary":{"grand_total":"30.60"}}}'
    assert of(judge(TRUTH, answered(text))).arithmetic_verified == 0


def test_the_total_under_either_of_its_two_keys_is_one_field() -> None:
    def move(data: dict[str, Any]) -> None:
        summary = data["financial_summary"]
        summary["amount_due"], summary["grand_total"] = summary["grand_total"], None

    assert judged(move).errors == 0


def test_equal_ambiguous_prints_are_correct() -> None:
    text = '{"structured_data":{"financial_summary":{"subtotal":"1.234"}}}'
    invoice = read_answer(text).invoice
    assert invoice.totals.line_total is not None
    assert invoice.totals.line_total.value is None
    assert match_invoices(invoice, invoice)[0].verdict is Verdict.ABSENT
    assert of(judge(Truth("a", invoice), answered(text))).fields.correct == 1


def test_numbers_keep_the_text_they_were_written_as() -> None:
    text = '{"structured_data":{"line_items":[{"quantity":5.00}]}}'
    quantity = read_answer(text).invoice.lines[0].quantity
    assert quantity is not None
    assert quantity.printed == "5.00"


def test_results_are_read_back_and_scored_again_without_the_model(tmp_path: Path) -> None:
    documents = [judged(), judge(TRUTH, answered("no")), judged(lambda d: d["line_items"].pop())]
    whole = evaluation(documents)
    path = output_files(tmp_path / "r").results
    write_evaluation(whole, path)
    assert read_evaluation(path) == whole == whole.rescored()
    path.write_text('{"format": 1}')
    with pytest.raises(UnusableInput, match="is no evaluation result"):
        read_evaluation(path)


def test_output_names_a_folder_or_a_file(tmp_path: Path) -> None:
    assert output_files(tmp_path / "r.json").html == tmp_path / "r.html"
    assert output_files(tmp_path / "r.v2.json", "baseline").results == (
        tmp_path / "r.v2.baseline.json"
    )
    assert output_files(tmp_path / "r", "baseline").predictions == (
        tmp_path / "r" / "baseline" / "predictions.jsonl"
    )
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(UnusableInput, match="--output is a file"):
        output_files(tmp_path / "notes.txt")


def test_a_comparison_speaks_only_where_the_interval_does() -> None:
    good, bad = judged(), judged(lambda data: data["financial_summary"].update(tax="9.99"))
    assert compare([bad] * 20, [good] * 20).outcome is Outcome.BETTER
    assert compare([good] * 20, [bad] * 20).outcome is Outcome.WORSE
    mixed = compare([good, bad] * 10, [bad, good] * 10)
    assert (mixed.outcome, mixed.difference) == (Outcome.NO_DIFFERENCE, 0.0)
    few = compare([bad] * 3, [good] * 3)
    assert few.outcome is Outcome.NO_DIFFERENCE
    assert few.difference == pytest.approx(100 / FIELDS)
    assert "too few documents" in verdict(few)
    assert compare([bad, good] * 9, [good] * 18) == compare([bad, good] * 9, [good] * 18)
    with pytest.raises(UnusableInput, match="different documents"):
        compare([good], [judged(truth=Truth("other", TRUTH.invoice))])


def test_rows_show_the_difference_in_points() -> None:
    bad = judge(TRUTH, answered("no"))
    rows = {row.name: row for row in score_rows([of(bad), of(judged())])}
    assert rows["Field accuracy"].values == ("0.0 %", "100.0 %")
    assert rows["Field accuracy"].difference == "+100.0"
    assert rows["Missing fields"].values == (str(FIELDS), "0")
    assert rich_table([evaluation([bad]), evaluation([judged()])]).row_count == len(rows)


class Tags(HTMLParser):
    """The tags of a page, and whatever an attribute of theirs may load."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)
        loading = ("src", "href", "action", "srcset", "data", "background")
        self.sources += [value or "" for name, value in attrs if name in loading]


HOSTILE = '"><script>alert(1)</script><img src=https://evil.example/x>'


def test_the_report_escapes_what_a_model_said_and_loads_nothing(tmp_path: Path) -> None:
    page = tmp_path / "page.png"
    Image.new("RGB", (1600, 2200), "white").save(page)
    truth = Truth(HOSTILE, TRUTH.invoice, (str(page),))
    wrong = judged(lambda data: data["vendor_block"].update(name=HOSTILE), truth)
    broken = judge(truth, answered(HOSTILE))
    pair = [evaluation([broken, broken], HOSTILE), evaluation([wrong, broken], HOSTILE)]
    target = tmp_path / "report.html"
    write_report(pair, target, curves=page)
    text = target.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "alert(1)" in text  # it is shown, as text
    page_parser = Tags()
    page_parser.feed(text)
    assert page_parser.sources
    assert all(source.startswith("data:image/") for source in page_parser.sources)
    assert not re.search(r"url\(|@import", STYLE)
    assert page_parser.tags <= {
        "html", "head", "meta", "title", "style", "body", "main", "section", "div", "h1", "h2",
        "h3", "p", "b", "i", "span", "table", "tr", "th", "td", "img", "pre", "br",
    }  # fmt: skip
    assert text.count("data:image/jpeg") == 2
    assert "data:image/png" in text
    assert "No difference shown" in text
    assert "<script" not in html_report(pair[1:])
    assert "| Field accuracy |" in markdown_report(pair)


def test_a_page_that_cannot_be_shown_costs_its_picture_only(tmp_path: Path) -> None:
    page = tmp_path / "page.png"
    page.write_bytes(b"not a picture")
    truth = Truth("doc", TRUTH.invoice, (str(page),))
    assert "not at hand" in html_report([evaluation([judge(truth, answered(""))])])


def test_truth_that_is_no_invoice_is_named() -> None:
    turns = (Turn(role="human", content="Read"), Turn(role="assistant", content="yes"))
    with pytest.raises(UnusableInput, match=r"t\.jsonl: odd: the answer is not an invoice"):
        read_truths([Pair(id="odd", conversations=turns)], Path("t.jsonl"))


def test_a_real_model_is_asked_once_and_a_long_document_does_not_stop_it(tmp_path: Path) -> None:
    pytest.importorskip("paddleformers")
    model = build_tiny_model(tmp_path / "model", context=128)
    answer = Turn(role="assistant", content=compact(ANSWER))
    pairs = [
        Pair(id=name, conversations=(Turn(role="human", content=text), answer))
        for name, text in (("short", "Total 5"), ("long", "x" * 500), ("again", "Total 6"))
    ]
    data = tmp_path / "test.json"
    data.write_text(json.dumps([pair.to_json() for pair in pairs]), encoding="utf-8")
    seen: list[tuple[int, int]] = []
    output = tmp_path / "result.json"

    def run(limit: int | None) -> Evaluation:
        return evaluate_model(
            model, data, output, limit=limit, max_new_tokens=4,
            on_done=lambda done, total: seen.append((done, total)),
        )  # fmt: skip

    first = run(2)
    assert seen == [(1, 2), (2, 2)]
    assert first.documents[1].problem == "518 tokens do not fit the model's context of 128"
    scores = first.scores
    assert (scores.not_asked, scores.valid, scores.new_tokens) == (1, 0, 4)
    second = run(None)
    assert read_evaluation(output) == second
    assert second.documents[:2] == first.documents  # kept, times and all
    assert [document.id for document in second.documents] == ["short", "long", "again"]
    run(1)
    assert len((tmp_path / "result.predictions.jsonl").read_text().splitlines()) == 3
    assert second.model_sha256 == model_fingerprint(model)
    build_tiny_model(tmp_path / "model", seed=1, context=128)
    assert second.model_sha256 != model_fingerprint(model)

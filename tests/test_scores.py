"""Scores worked out by hand: answers written here, not made by a model."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from judged import ANSWER, FIELDS, TRUTH, answered, counted, found, judged, scores

from erniekit_finetuning.confidence.kinds import Kind
from erniekit_finetuning.data.pair import compact
from erniekit_finetuning.engines.protocol import TokenScore
from erniekit_finetuning.evaluation.counting import tabled
from erniekit_finetuning.evaluation.formulas import above_chance
from erniekit_finetuning.evaluation.judging import DocumentResult, judge
from erniekit_finetuning.evaluation.matching import Match, Verdict
from erniekit_finetuning.evaluation.measures import MEASURES
from erniekit_finetuning.evaluation.scores import confusions, field_scores, troubles
from erniekit_finetuning.evaluation.truth import Truth
from erniekit_finetuning.invoice.answer import read_answer
from erniekit_finetuning.invoice.model import Invoice


def test_a_perfect_prediction_scores_one_everywhere() -> None:
    perfect = scores(judged(metrics=True))
    assert counted("correct", judged()) == FIELDS
    more = [m.key for m in MEASURES if m.better == 1]
    shares = {
        m.key: perfect[m.key] for m in MEASURES if m.better == 1 and perfect[m.key] is not None
    }
    assert set(shares.values()) == {1.0}
    # One document is only of one sort, so no verdict on it is better than chance.
    assert set(more) - shares.keys() == {"own_verdict", "faults_found", "fault_verdict"}
    assert (perfect["invented_rate"], perfect["false_alarms"]) == (0.0, 0.0)
    assert (perfect["tokens"], perfect["seconds"]) == (100, 0.5)


def test_one_wrong_digit_in_the_total_costs_one_field_and_the_document() -> None:
    document = judged(lambda data: data["financial_summary"].update(grand_total="80.60"))
    (wrong,) = found(document, Verdict.WRONG)
    assert (wrong.field, wrong.expected, wrong.found) == ("totals.tax_inclusive", "30.60", "80.60")
    score = scores(document)
    assert score["field_accuracy"] == pytest.approx((FIELDS - 1) / FIELDS, abs=1e-6)
    assert score["amounts"] == pytest.approx(8 / 9, abs=1e-6)  # 3 totals and 2 x 3 in lines
    assert (score["texts"], score["dates"], score["text_similarity"]) == (1, 1, 1)
    assert (score["whole_document_rate"], score["arithmetic_rate"], score["line_f1"]) == (0, 0, 1)
    # line nets (2), their sum and required fields pass; net + tax = total fails
    assert (document.rules_applied, document.rules_passed) == (5, 4)
    (own,) = [one for name, one in confusions(tabled([document]).total()).items() if name == "own"]
    assert own.valid_wrongly == 1
    assert score["false_alarms"] == 1


def test_a_price_moved_to_the_other_line_makes_both_lines_wrong() -> None:
    def swap(data: dict[str, Any]) -> None:
        first, second = data["line_items"]
        first["unit_price"], second["unit_price"] = second["unit_price"], first["unit_price"]

    document = judged(swap)
    assert [m.field for m in found(document, Verdict.WRONG)] == ["lines[].unit_price"] * 2
    assert [counted(f"items_{n}", document) for n in ("right", "expected", "found")] == [0, 2, 2]
    assert scores(document)["arithmetic_rate"] == 0


def test_lines_in_another_order_are_the_same_lines_but_not_in_order() -> None:
    score = scores(judged(lambda data: data["line_items"].reverse()))
    assert (score["field_accuracy"], score["line_f1"], score["whole_document_rate"]) == (1, 1, 1)
    assert score["line_order"] == 0.5  # of two lines one stays when the other is taken out


def test_an_invented_tax_id_counts_against_accuracy() -> None:
    document = judged(lambda data: data["vendor_block"].update(tax_id="GB123456789"))
    (invented,) = found(document, Verdict.INVENTED)
    assert (invented.field, invented.found) == ("seller.vat_id", "GB123456789")
    score = scores(document)
    assert score["field_accuracy"] == pytest.approx(FIELDS / (FIELDS + 1), abs=1e-6)
    assert score["invented_rate"] == pytest.approx(1 / (FIELDS + 1), abs=1e-6)
    assert score["whole_document_rate"] == 0
    fields = field_scores(tabled([document]).total())
    assert (fields["seller.vat_id"].accuracy, fields["seller.vat_id"].invented) == (0.0, 1)
    assert "buyer.vat_id" not in fields


def test_a_duplicated_line_is_four_invented_fields_and_costs_precision() -> None:
    document = judged(lambda data: data["line_items"].append(dict(data["line_items"][0])))
    invented = found(document, Verdict.INVENTED)
    assert {m.field for m in invented} == {
        "lines[].description", "lines[].quantity", "lines[].unit_price", "lines[].net_amount",
    }  # fmt: skip
    assert {(m.line, m.found_line) for m in invented} == {(None, 2)}
    score = scores(document)
    assert (score["line_recall"], score["line_f1"]) == (1.0, 0.8)
    assert score["line_precision"] == pytest.approx(2 / 3, abs=1e-6)
    columns = field_scores(tabled([document]).total())
    assert columns["lines[].quantity"].accuracy == pytest.approx(2 / 3, abs=1e-6)
    assert columns["lines[].quantity"].column_accuracy == 1  # of lines with a partner


def test_a_lost_line_is_four_missing_fields() -> None:
    document = judged(lambda data: data["line_items"].pop(0))
    assert [m.line for m in found(document, Verdict.MISSING)] == [0] * 4
    score = scores(document)
    assert (score["line_precision"], score["line_recall"]) == (1.0, 0.5)


def test_lines_with_nothing_in_common_are_not_paired() -> None:
    other = {"description": "Qqq", "quantity": "7", "unit_price": "3.33", "line_total": "23.31"}
    document = judged(lambda data: data["line_items"].__setitem__(1, other))
    assert len(found(document, Verdict.MISSING)) == len(found(document, Verdict.INVENTED)) == 4


def lines_of(*items: dict[str, Any]) -> Truth:
    data = {"structured_data": {"line_items": list(items)}}
    return Truth("lines", data, read_answer(compact(data)).invoice)


def test_what_all_lines_say_pairs_none_of_them() -> None:
    same = {"tax_rate": "20", "discount": "5"}
    one = {"description": "Blue pens", "quantity": "2", **same}
    truth = lines_of(one, {"description": "Stapler", "quantity": "1", **same})
    second = truth.data["structured_data"]["line_items"][1]
    said = lines_of({"description": "Qqq", "quantity": "9", **same}, second)
    document = judge(truth, answered(compact(said.data)))
    assert len(found(document, Verdict.MISSING)) == len(found(document, Verdict.INVENTED)) == 4


def test_of_lines_alike_the_nearer_are_paired() -> None:
    pen, ink = {"description": "pen"}, {"description": "ink bottle"}
    document = judge(lines_of(pen, ink, pen), answered(compact(lines_of(pen, pen).data)))
    assert [(m.line, m.found_line) for m in document.matches] == [(0, 0), (1, None), (2, 1)]
    assert scores(document)["line_order"] == 1


@pytest.mark.parametrize(
    ("text", "finished", "why"),
    [
        ("", True, "empty"),
        (compact(ANSWER)[:20], False, "cut off"),
        ("no JSON", False, "cut off"),
        (compact(ANSWER)[:-1], True, "not JSON"),
        (f"Here it is: {compact(ANSWER)}", True, "not JSON"),
        ('{"structured_data":{"vendor_block":{"name":"a","name":"b"}}}', True, "twice: name"),
        ('{"structured_data":{"payment_terms":NaN}}', True, "NaN"),
        ("[" * 100_000, True, "nested too deeply"),
        ("[1]", True, "not a JSON object"),
    ],
)
def test_an_answer_that_is_no_json_misses_every_field(text: str, finished: bool, why: str) -> None:
    document = judge(TRUTH, answered(text, finished))
    assert document.json_problem is not None
    assert why in document.json_problem
    score = scores(document)
    assert counted("missing", document) == FIELDS
    assert (score["json_rate"], score["shape_rate"], score["field_accuracy"]) == (0, 0, 0)
    assert (score["line_recall"], score["arithmetic_rate"]) == (0, 0)
    assert troubles(tabled([document]).total()).cut_off == (not finished)


def test_what_is_whole_of_an_answer_that_was_cut_off_counts() -> None:
    whole = compact(ANSWER)
    cut = whole[: whole.index('"financial_summary"')]
    document = judge(TRUTH, answered(cut, finished=False))
    assert document.json_problem == "cut off by the token limit"
    wanted = {match.field for match in judge(TRUTH, answered(whole)).matches}
    missing = {match.field for match in found(document, Verdict.MISSING)}
    assert missing == {f for f in wanted if f.startswith("totals.")} | {"currency", "payment_terms"}
    assert counted("wrong", document) == counted("invented", document) == 0
    score = scores(document)
    assert (score["json_rate"], score["shape_rate"], score["whole_document_rate"]) == (0, 0, 0)
    assert score["field_accuracy"] == pytest.approx(1 - len(missing) / FIELDS, abs=1e-6)
    assert score["line_f1"] == 1
    assert troubles(tabled([document]).total()).cut_off == 1


def test_own_shapes_count_what_was_said_before_the_limit() -> None:
    data = {"order": {"number": "7", "total": "5.00"}}
    truth = Truth("own", data, ours=False)
    document = judge(truth, answered('{"order":{"number":"7","total":"5.', finished=False))
    verdicts = {match.field: match.verdict for match in document.matches}
    assert verdicts == {"order.number": Verdict.CORRECT, "order.total": Verdict.MISSING}
    assert document.json_problem == "cut off by the token limit"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"structured_data":{"vendor_block":{"name":["a"]}}}', "not a value"),
        ('{"structured_data":[]}', "no structured_data"),
    ],
)
def test_json_of_another_shape_misses_every_field_but_is_json(text: str, why: str) -> None:
    document = judge(TRUTH, answered(text))
    assert why in str(document.shape_problem)
    score = scores(document)
    assert (score["json_rate"], score["shape_rate"], score["field_accuracy"]) == (1, 0, 0)


def test_a_key_without_a_place_is_an_invented_field() -> None:
    extra: dict[str, Any] = copy.deepcopy(ANSWER)
    extra["structured_data"]["client_info"]["iban"] = "GB33BUKB20201555555555"
    extra["structured_data"]["line_items"][1]["sku"] = "S-1"
    extra["notes"] = "thanks"
    document = judge(TRUTH, answered(compact(extra)))
    assert "unknown key" in str(document.shape_problem)
    invented = {match.field: match.found for match in found(document, Verdict.INVENTED)}
    assert invented == {
        "client_info.iban": "GB33BUKB20201555555555",
        "line_items[1].sku": "S-1",
        "notes": "thanks",
    }
    score = scores(document)
    assert (score["json_rate"], score["shape_rate"], score["whole_document_rate"]) == (1, 0, 0)
    assert score["field_accuracy"] == pytest.approx(FIELDS / (FIELDS + 3), abs=1e-6)


def test_what_a_model_says_of_itself_is_no_field() -> None:
    extra: dict[str, Any] = copy.deepcopy(ANSWER)
    extra["validation_summary"]["mood"] = "good"
    document = judge(TRUTH, answered(compact(extra)))
    assert "unknown key: validation_summary.mood" in str(document.shape_problem)
    assert (document.errors, scores(document)["field_accuracy"]) == (0, 1)


def test_what_a_repair_would_mend_is_told_and_earns_nothing() -> None:
    fenced = judge(TRUTH, answered(f"```json\n{compact(ANSWER)}\n```"))
    prose = judge(TRUTH, answered("I cannot read this."))
    cut = judge(TRUTH, answered(compact(ANSWER)[:200], finished=False))
    assert [one.repairable for one in (fenced, prose, cut)] == [True, False, False]
    found = troubles(tabled([fenced, prose, cut]).total())
    assert (found.not_json, found.repairable, found.cut_off) == (3, 1, 1)
    assert scores(fenced)["field_accuracy"] == 0


def test_nothing_found_where_nothing_is_printed_has_no_accuracy() -> None:
    blank = Truth.of_invoice("blank", Invoice())
    nothing = judge(blank, answered('{"structured_data":{}}'))
    score = scores(nothing)
    assert (score["field_accuracy"], score["line_f1"]) == (None, None)
    assert score["whole_document_rate"] == 1
    assert scores(judge(blank, answered("no")))["whole_document_rate"] == 0
    everything = judged(truth=blank)
    assert counted("invented", everything) == FIELDS
    score = scores(everything)
    assert (score["field_accuracy"], score["line_precision"], score["invented_rate"]) == (0, 0, 1)


@pytest.mark.parametrize(
    ("block", "key", "printed"),
    [
        ("financial_summary", "grand_total", "£ 30.60"),
        ("financial_summary", "grand_total", "30,60"),
        ("financial_summary", "currency", "GBP"),
        ("client_info", "invoice_date", "25 April 2025"),
        ("vendor_block", "address", "1  HIGH ST Leeds"),
        ("client_info", "invoice_number", "Ａ-１７"),
    ],
)
def test_the_same_value_in_another_print_is_correct_but_not_exact(
    block: str, key: str, printed: str
) -> None:
    document = judged(lambda data: data[block].update({key: printed}))
    assert document.errors == 0
    score = scores(document)
    assert score["field_accuracy"] == 1
    assert score["print_exact"] == pytest.approx((FIELDS - 1) / FIELDS, abs=1e-6)


def test_likeness_counts_in_similarity_alone() -> None:
    document = judged(lambda data: data["vendor_block"].update(name="Alba Inc"))
    score = scores(document)
    # "alba ltd" and "alba inc" share 5 of 8 letters: 2 x 5 / 16; 8 texts
    assert score["text_similarity"] == pytest.approx((7 + 10 / 16) / 8, abs=1e-6)
    assert score["texts"] == pytest.approx(7 / 8, abs=1e-6)
    assert field_scores(tabled([document]).total())["seller.name"].similarity == 0.625


def test_a_lone_total_verifies_nothing() -> None:
    text = '{"structured_data":{"financial_summary":{"grand_total":"30.60"}}}'
    assert judge(TRUTH, answered(text)).verified is False


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
    assert counted("correct", judge(Truth.of_invoice("a", invoice), answered(text))) == 1


def test_numbers_keep_the_text_they_were_written_as() -> None:
    text = '{"structured_data":{"line_items":[{"quantity":5.00}]}}'
    quantity = read_answer(text).invoice.lines[0].quantity
    assert quantity is not None
    assert quantity.printed == "5.00"


def verdicts(*pairs: tuple[bool, bool]) -> float:
    """The score of a model that says the first of what is the second."""
    documents = [
        DocumentResult(id=str(n), said_valid=said, rules_valid=so)
        for n, (said, so) in enumerate(pairs)
    ]
    return float(above_chance(tabled(documents).total(), "own"))


def test_who_always_says_valid_scores_nothing() -> None:
    assert verdicts(*[(True, True)] * 9, (True, False)) == 0
    assert verdicts(*[(True, True)] * 9, (False, False)) == 1
    # finds one of two faulty ones, blames one of four sound ones: 1/2 + 3/4 - 1
    right = [(True, True)] * 3
    assert verdicts(*right, (False, True), (False, False), (True, False)) == 0.25
    assert verdicts((False, True), (True, False)) == -1


def test_a_faulty_invoice_is_found_by_a_right_reading_and_hidden_by_a_repaired_one() -> None:
    data: dict[str, Any] = copy.deepcopy(ANSWER)
    data["structured_data"]["financial_summary"]["grand_total"] = "80.60"
    faulty = Truth("faulty", data, read_answer(compact(data)).invoice)
    assert faulty.valid is False
    as_printed = judge(faulty, answered(compact(data)))
    repaired = judge(faulty, answered(compact(ANSWER)))
    assert scores(as_printed)["faults_found"] == 1
    assert scores(repaired)["faults_found"] == 0
    assert scores(as_printed, judged())["fault_verdict"] == 0  # is_valid: true, for both


def test_values_carry_the_probability_of_their_tokens() -> None:
    text = compact(ANSWER)
    ends = range(1, len(text) + 1)  # a token a letter, half as likely in the seller's name
    start = text.index('"Alba')
    said = dict.fromkeys(range(start + 1, start + len('"Alba Ltd"') + 1), -0.1)
    said[start] = -5.0  # the colon before it is no part of it
    tokens = tuple(TokenScore(end, said.get(end, 0.0)) for end in ends)
    prediction = answered(text)
    document = judge(TRUTH, type(prediction)(**{**vars(prediction), "tokens": tokens}))
    sure = {match.field: match.confidence for match in document.matches if match.line is None}
    assert sure["seller.name"] == pytest.approx(0.3679, abs=1e-4)  # ten tokens: e^-1
    assert sure["buyer.name"] == sure["totals.tax_inclusive"] == 1
    # one value of eighteen is 0.63 less sure than it is right
    assert scores(document)["calibration_error"] == pytest.approx((1 - 0.3679) / FIELDS, abs=1e-5)
    lines = [match for match in document.matches if match.line is not None]
    assert all(match.confidence == 1 for match in lines)


def test_errors_of_calibration_do_not_cancel() -> None:
    sure = Match("a", Kind.TEXT, Verdict.WRONG, "x", "y", confidence=0.95)
    unsure = Match("b", Kind.TEXT, Verdict.CORRECT, "x", "x", confidence=0.05)
    document = DocumentResult(id="d", matches=(sure, unsure))
    assert scores(document)["calibration_error"] == pytest.approx(0.95)


OWN = {"seller": {"name": "Alba"}, "total": 12.50, "items": [{"n": "pen", "price": "1,50"}]}


def own(edit: Any = None, truth: Any = OWN, **kinds: Any) -> DocumentResult:
    answer = copy.deepcopy(OWN)
    if edit is not None:
        edit(answer)
    return judge(Truth("own", truth, ours=False, kinds=kinds), answered(compact(answer)))


def test_a_shape_of_ones_own_is_compared_by_its_paths() -> None:
    assert own().errors == 0
    assert {match.field for match in own().matches} == {
        "seller.name", "total", "items[].n", "items[].price",
    }  # fmt: skip
    assert own(lambda data: data["seller"].update(name="  ALBA ")).errors == 0
    # another print of the same number, in a field of amounts
    assert own(lambda data: data["items"][0].update(price="1.50")).errors == 0
    assert own(lambda data: data.update(total="12,50")).errors == 0
    (wrong,) = found(own(lambda data: data.update(total=12.05)), Verdict.WRONG)
    assert (wrong.field, wrong.expected, wrong.found) == ("total", "12.5", "12.05")
    (invented,) = found(own(lambda data: data["seller"].update(iban="X1")), Verdict.INVENTED)
    assert (invented.field, invented.found) == ("seller.iban", "X1")
    assert own().verified is None  # no invoice whose fields we know


def test_an_item_of_ones_own_shape_is_right_with_all_of_its_fields() -> None:
    document = own(lambda data: data["items"].append({"n": "ink", "price": "9"}))
    assert counted("items_right", document) == 1
    assert scores(document)["line_precision"] == 0.5
    assert scores(own(lambda data: data["items"][0].update(n="pan")))["line_f1"] == 0


@pytest.mark.parametrize("open_and_close", [('{"a":', "}"), ("[", "]"), ('{"a":[', "]}")])
@pytest.mark.parametrize("depth", [100, 400, 900, 5000])
def test_an_answer_of_nothing_but_brackets_is_judged_like_any(
    open_and_close: tuple[str, str], depth: int
) -> None:
    begin, end = open_and_close
    nested = begin * depth + "1" + end * depth
    for text in (
        nested,
        f'{{"structured_data":{{"vendor_block":{{"x":{nested}}}}}}}',
        begin * depth,
    ):
        for truth in (TRUTH, Truth("own", OWN, ours=False)):
            document = judge(truth, answered(text), metrics=True)
            assert document.errors > 0

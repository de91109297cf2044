"""The field's metrics: worked out by hand, and held against zss and json-diff's own numbers."""

from __future__ import annotations

import copy
import warnings
from decimal import Decimal
from typing import Any

import pytest
import zss
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from erniekit_finetuning.evaluation.field_metrics import FieldMetrics, measure
from erniekit_finetuning.evaluation.field_metrics.anls import anls_star
from erniekit_finetuning.evaluation.field_metrics.donut import (
    field_counts,
    normalised,
    tree,
    tree_accuracy,
)
from erniekit_finetuning.evaluation.field_metrics.entities import entity_counts, invoice_entities
from erniekit_finetuning.evaluation.field_metrics.js_tokens import sorted_tokens
from erniekit_finetuning.evaluation.field_metrics.json_accuracy import json_accuracy
from erniekit_finetuning.evaluation.field_metrics.plain_json import MAX_DEPTH, plain
from erniekit_finetuning.evaluation.field_metrics.tree_edit import Node, distance
from erniekit_finetuning.evaluation.measures import summarize

# 6 fields. As a tree: 9 nodes (vendor, lines, total, 2 lines, 2 x item and price) and 4 + 4 + 5 +
# 3 + 4 + 5 = 25 characters, so 34 to insert. 2 leaves at the top are SROIE's entities.
INVOICE: dict[str, Any] = {
    "vendor": "Alba",
    "lines": [{"item": "pens", "price": "10.00"}, {"item": "ink", "price": "5.50"}],
    "total": "15.50",
}


def changed(**keys: Any) -> dict[str, Any]:
    return copy.deepcopy(INVOICE) | keys


PENS, INK = INVOICE["lines"]
SWAPPED = [PENS | {"price": "5.50"}, INK | {"price": "10.00"}]
CASES = {
    "perfect": (INVOICE, INVOICE, FieldMetrics(1, 6, 0, 1, 2, 2, 2, 1)),
    # ANLS: 5 right, 1 - 1/5. Donut: one leaf missed, one invented; 1 character. JSON: 1 of 6.
    "a wrong digit in the total": (
        INVOICE,
        changed(total="15.60"),
        FieldMetrics(5.8 / 6, 5, 2, 1 - 1 / 34, 1, 2, 2, 0.8333),
    ),
    # ANLS: 10.00 and 5.50 are 3 of 5 characters apart, below half alike, so 4 of 6 are right.
    # Donut's F1 does not see it: it does not know lines. Its tree: 3 + 3 characters. JSON: 2 of 6.
    "two prices moved to each other's line": (
        INVOICE,
        changed(lines=SWAPPED),
        FieldMetrics(4 / 6, 6, 0, 1 - 6 / 34, 2, 2, 2, 0.6667),
    ),
    # ANLS: 6 of 7. Tree: 1 key and 3 characters too many. One more entity. JSON: 1 of 6.
    "an invented key": (
        INVOICE,
        changed(currency="EUR"),
        FieldMetrics(6 / 7, 6, 1, 1 - 4 / 34, 2, 2, 3, 0.8333),
    ),
    # ANLS: 6 of 8. Tree: a line, 2 keys and 4 + 5 characters too many. JSON: 2 of 6.
    "a line twice": (
        INVOICE,
        changed(lines=[PENS, PENS, INK]),
        FieldMetrics(6 / 8, 6, 2, 1 - 12 / 34, 2, 2, 2, 0.6667),
    ),
    # JSON: vendor and total are missed, 2 of 6; the whole list of lines costs nothing there.
    "an empty prediction": (INVOICE, {}, FieldMetrics(0, 0, 6, 0, 0, 2, 0, 0.6667)),
    "an invalid answer": (INVOICE, None, FieldMetrics(0, 0, 6, 0, 0, 2, 0, 0)),
    "an empty truth": ({}, INVOICE, FieldMetrics(0, 0, 6, 0, 0, 0, 2, 0)),
    "both empty": ({}, {}, FieldMetrics(1, 0, 0, 1, 0, 0, 0, 1)),
    # A leaf without a key against 6. The tree keeps its text as the vendor's and inserts the other
    # 34 - 4. JSON: one value of another type, which costs all 6 fields.
    "a text": (INVOICE, "Alba", FieldMetrics(0, 0, 7, 1 - 30 / 34, 0, 2, 0, 0)),
}


@pytest.mark.parametrize(("truth", "found", "expected"), CASES.values(), ids=CASES.keys())
def test_an_invoice_by_hand(truth: Any, found: Any, expected: FieldMetrics) -> None:
    assert measure(truth, found) == pytest.approx(expected, abs=1e-9)


def test_scores_are_of_all_documents_counts_and_means() -> None:
    rows = [measure(INVOICE, changed(total="15.60")), measure(INVOICE, None)]
    scores = summarize(rows)
    assert scores["anls_star"] == pytest.approx(5.8 / 12, abs=1e-6)
    assert scores["donut_f1"] == pytest.approx(5 / (5 + 8 / 2), abs=1e-6)  # 2 + 6 wrong
    assert scores["donut_tree"] == pytest.approx(33 / 68, abs=1e-6)
    assert (scores["sroie_precision"], scores["sroie_recall"]) == (0.5, 0.25)  # 1 of 2, 1 of 4
    assert scores["sroie_f1"] == pytest.approx(2 * 0.5 * 0.25 / 0.75, abs=1e-6)
    assert scores["json_accuracy"] == pytest.approx(0.8333 / 2, abs=1e-6)


def test_an_invalid_answer_is_never_right() -> None:
    # Not even where the truth has nothing, which an empty answer gets right.
    assert measure({}, None) == measure(None, None) == (0, 0, 0, 0, 0, 0, 0, 0)


def test_nothing_to_count_is_none_not_zero() -> None:
    assert set(summarize([]).values()) == {None}
    empty = summarize([measure({}, {})])
    assert (empty["donut_f1"], empty["sroie_precision"], empty["sroie_recall"]) == (None,) * 3
    # Nothing extracted has no precision, and a recall of 0.
    missed = summarize([measure(INVOICE, None)])
    assert (missed["sroie_precision"], missed["sroie_recall"], missed["sroie_f1"]) == (None, 0, 0)


# CORD's shape. 7 leaves; 12 nodes (menu, total, its object, total_price, 2 dishes, 6 keys) and
# 11 + 1 + 6 + 6 + 1 + 5 + 6 = 36 characters: 48 to insert.
RECEIPT: dict[str, Any] = {
    "menu": [
        {"nm": "Nasi Goreng", "cnt": "1", "price": "10,000"},
        {"nm": "Es Teh", "cnt": "2", "price": "8,000"},
    ],
    "total": {"total_price": "18,000"},
}


def test_a_receipt_by_hand() -> None:
    found = copy.deepcopy(RECEIPT)
    found["menu"][0]["cnt"] = "7"
    del found["menu"][1]["price"]
    # Right: 2 names, cnt 2, 10,000 and the total. Wrong: cnt 7 invented, cnt 1 and 8,000 missed.
    assert field_counts(RECEIPT, found) == (5, 3)
    # One character changed, a key and 5 characters inserted.
    assert tree_accuracy(RECEIPT, found) == pytest.approx(1 - (1 + 6) / 48)
    # A dish less: its node, 3 keys and 6 + 1 + 5 characters.
    found = {"menu": RECEIPT["menu"][0], "total": RECEIPT["total"]}
    assert field_counts(RECEIPT, found) == (4, 3)
    assert tree_accuracy(RECEIPT, found) == pytest.approx(1 - 16 / 48)


def test_the_normal_form_is_donuts() -> None:
    value = {"price": 5, "cnt": 0, "nm": [" tea ", None, True, 0, 1.5, " "], "paid": True}
    value |= {"a": [{"x": None}, {"y": "1"}], "mixed": [{"x": "1"}, "two"], "b": {"c": ""}}
    expected = {"a": [{"y": ["1"]}], "nm": ["tea", "0", "1.5"], "paid": ["True"]}
    expected |= {"mixed": ["two"], "price": ["5"]}
    assert normalised(value) == expected
    assert list(normalised(value)) == ["a", "nm", "paid", "mixed", "price"]  # short keys first
    assert [normalised(x) for x in (None, [], "tea", ["tea"], 0, Decimal("0.50"))] == [
        {},
        {},
        ["tea"],
        ["tea"],
        {},
        ["0.50"],
    ]


def test_equal_leaves_count_as_often_as_they_stand() -> None:
    two, one = {"m": [{"cnt": "1"}, {"cnt": "1"}]}, {"m": [{"cnt": "1"}]}
    assert field_counts(two, one) == field_counts(one, two) == (1, 1)


def test_a_truth_that_weighs_nothing() -> None:
    for empty in ({}, [], None, [{}], {"a": None}, " "):
        assert tree_accuracy(empty, empty) == 1
        assert tree_accuracy(empty, {"a": "1"}) == 0
    assert tree_accuracy(["tea"], ["tea"]) == tree_accuracy([{"a": 1}], [{"a": 1}]) == 1


def test_edits_by_hand() -> None:
    leaf, inner = Node("ab", leaf=True), Node("ab")
    assert distance(leaf, inner) == distance(inner, leaf) == 3  # 1 and its 2 characters
    assert distance(inner, Node("cd")) == 1
    assert distance(leaf, Node("abc", leaf=True)) == 1
    # A node between is removed alone; the leaves below it stay.
    deep = Node("r", (Node("a", (Node("b", (leaf,)),)),))
    assert distance(deep, Node("r", (Node("a", (leaf,)),))) == 1


LABELS = st.text("ab<", max_size=4)
NODES = st.recursive(
    st.builds(Node, LABELS, leaf=st.booleans()),
    lambda nodes: st.builds(
        Node, LABELS, st.lists(nodes, max_size=4).map(tuple), leaf=st.booleans()
    ),
    max_leaves=14,
)


def zss_distance(one: Node, other: Node) -> float:
    def change(a: Node, b: Node) -> int:
        if a.leaf and b.leaf:
            return Levenshtein.distance(a.label, b.label)
        if a.leaf or b.leaf:
            return 1 + len(a.label if a.leaf else b.label)
        return int(a.label != b.label)

    def cost(node: Node) -> int:
        return len(node.label) if node.leaf else 1

    return float(zss.distance(one, other, lambda node: list(node.children), cost, cost, change))


@settings(deadline=None, max_examples=200)
@given(NODES, NODES)
def test_the_distance_is_that_of_zss(one: Node, other: Node) -> None:
    assert distance(one, other) == zss_distance(one, other)


def test_anls_by_hand() -> None:
    # Case and white space are free; 2 of 3 items are there; the third is invented.
    assert anls_star({"a": "Blue  Pens"}, {"a": "blue pens"}) == 1
    assert anls_star({"a": ["x", "yy", "z"]}, {"a": ["yy", "x"]}) == pytest.approx(2 / 3)
    # Half alike counts, less does not.
    assert [anls_star({"a": "abcd"}, {"a": text}) for text in ("abxy", "axyz")] == [0.5, 0]
    # A null of the truth is met by nothing; a null key that the truth lacks is not free.
    for nothing in ({"a": "1"}, {"a": "1", "b": None}, {"a": "1", "b": ""}, {"a": "1", "b": []}):
        assert anls_star({"a": "1", "b": None}, nothing) == 1
    assert anls_star({"a": "1", "b": None}, {"a": "1", "b": "2"}) == 0.5
    assert anls_star({"a": "1"}, {"a": "1", "b": None}) == 0.5


def test_anls_takes_any_json_value() -> None:
    assert anls_star({"a": Decimal("5.00"), "b": 2}, {"a": "5.00", "b": "2"}) == 1
    assert anls_star({"a": ("x", "y")}, {"a": ("y", "x")}) == 1  # a list, not alternatives
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # At the library's top level these are a question's alternatives, and an error.
        assert anls_star(["x", "y"], "x") == anls_star([], "x") == 0


ANSWER: dict[str, Any] = {
    "structured_data": {
        "vendor_block": {"name": "Alba Ltd", "address": "1 High St\nLeeds", "tax_id": "GB1"},
        "client_info": {"name": "Bremo", "invoice_date": "25/04/2025"},
        "line_items": [],
        "financial_summary": {"subtotal": "20.00", "grand_total": "24.00"},
    },
    "validation_summary": {"is_valid": True},
}


def test_entities_of_an_answer_are_sroies_four() -> None:
    truth = invoice_entities(ANSWER)
    assert truth == {
        "company": "Alba Ltd",
        "address": "1 High St\nLeeds",
        "date": "25/04/2025",
        "total": "24.00",
    }
    found = copy.deepcopy(ANSWER)
    found["structured_data"]["vendor_block"] = {"name": "alba Ltd", "address": None}
    found["structured_data"]["financial_summary"]["grand_total"] = Decimal("24.00")
    # Of three found the date and the total are right: a name in another case is not.
    assert entity_counts(truth, invoice_entities(found)) == (2, 4, 3)
    for broken in ({"structured_data": None}, {"structured_data": {"vendor_block": "Alba"}}):
        assert invoice_entities(broken) == {}


def test_entities_of_other_json_are_its_leaves_at_the_top() -> None:
    value = {"company": "Alba", "total": 9, "date": " ", "paid": True, "lines": ["x"], "tax": None}
    assert invoice_entities(value) == {"company": "Alba", "total": "9"}
    assert invoice_entities(["Alba"]) == invoice_entities("Alba") == invoice_entities(None) == {}
    assert entity_counts({"a": "1", "b": None}, {"a": "1", "b": "2", "c": ""}) == (1, 1, 2)


NAMES = ["ash", "bay", "elm", "fir", "gum", "haw", "ivy", "lime", "may", "oak", "pine", "yew"]
LINES = [{"item": name, "qty": str(i % 3 + 1), "price": f"{i}.50"} for i, name in enumerate(NAMES)]
WORSE = [
    line | ({"qty": "9"} if i % 4 == 0 else {}) for i, line in enumerate(LINES[::-1]) if i != 5
]
TEN = list(range(10))
# The benchmark's own numbers: its count over the diff of json-diff 1.0.6 with `sort`.
GOLDEN: dict[str, tuple[Any, Any, float]] = {
    "a changed value in a nested object": (
        {"no": "A-1", "buyer": {"name": "Bremo", "tax": {"id": "X1", "rate": "20"}}},
        {"no": "A-1", "buyer": {"name": "Bremo", "tax": {"id": "X7", "rate": "20"}}},
        0.75,
    ),
    "a key missing, one invented": (
        {"a": "1", "b": "2", "c": "3", "d": "4"},
        {"a": "1", "b": "2", "c": "3", "e": "4"},
        0.5,
    ),
    "a missing object costs its fields": (
        {"a": "1", "b": {"c": "2", "d": {"e": "3", "f": "4"}}},
        {"a": "1"},
        0.25,
    ),
    "a missing list costs nothing": ({"a": "1", "b": ["2", "3", "4"]}, {"a": "1"}, 1),
    "an invented list neither": ({"a": "1"}, {"a": "1", "b": [{"c": "2"}, {"c": "3"}]}, 1),
    "a list that became null costs all": (
        {"a": "1", "b": ["2", "3", "4"]},
        {"a": "1", "b": None},
        0.25,
    ),
    "null that became an object costs that": (
        {"a": "1", "b": None, "c": "3", "d": "4"},
        {"a": "1", "b": {"x": "5", "y": "6"}, "c": "3", "d": "4"},
        0.5,
    ),
    "order of lists is free": (
        {"l": [3, "b", None, "a"], "m": [{"x": 1}, {"x": 2}]},
        {"l": ["a", None, 3, "b"], "m": [{"x": 2}, {"x": 1}]},
        1,
    ),
    "1 is 1.0, and neither true nor the text 1": (
        {"l": [1, 2, 3, 4], "k": 5},
        {"l": [True, "2", 3.0, 4], "k": 5.0},
        0.2,
    ),
    "a number and its text sort alike, so their order counts": (
        {"l": [1, "1", "a"]},
        {"l": ["1", 1, "a"]},
        0.3333,
    ),
    "a line changed, one added": (
        {"lines": [{"i": "pens", "p": "10.00"}, {"i": "ink", "p": "5.50"}], "t": "15.50"},
        {
            "lines": [
                {"i": "ink", "p": "5.60"},
                {"i": "pens", "p": "10.00"},
                {"i": "cap", "p": "1.00"},
            ],
            "t": "15.50",
        },
        0.4,
    ),
    "two lines most like one: the better is it, the other new": (
        {
            "lines": [{"i": "pens", "p": "10.00", "q": "2"}, {"i": "ink", "p": "5.50", "q": "1"}],
            "t": "25.50",
            "n": "A-1",
        },
        {
            "lines": [{"i": "pens", "p": "10.00", "q": "3"}, {"i": "pens", "p": "10.00", "q": "2"}],
            "t": "25.50",
            "n": "A-1",
        },
        0.25,
    ),
    "nothing alike, though one value is equal: the nearer is it": (
        {"l": [{"a": 1, "b": 2, "c": 3}, {"d": 4, "e": 5, "f": 6}], "m": TEN},
        {"l": [{"d": 4, "x": 7, "y": 8}, {"a": 1, "z": 9, "w": 0}], "m": TEN},
        0.25,
    ),
    "of two as much alike the first is it": (
        {"lines": [{"i": "pens", "p": "10.00", "q": "2"}], "m": TEN},
        {
            "lines": [
                {"i": "pens", "p": "10.00", "q": "3"},
                {"i": "pens", "p": "10.00", "q": {"x": "1", "y": "2"}},
            ],
            "m": TEN,
        },
        0.6154,
    ),
    "an equal value outweighs a further key": (
        {"lines": [{"i": "ink"}, {"q": "2"}], "m": TEN},
        {"lines": [{"q": "2", "p": "5"}], "m": TEN},
        0.8333,
    ),
    "two missing keys outweigh an equal value": (
        {"l": [{"a": 1, "b": 2, "c": 3}, {"a": 9}], "m": TEN},
        {"l": [{"a": 1}], "m": TEN},
        0.7143,
    ),
    "three equal items outweigh one more": (
        {"l": [{"k": [8, 9]}, {"k": [1, 2, 3]}], "m": TEN},
        {"l": [{"k": [1, 2, 3, 4]}], "m": TEN},
        0.8,
    ),
    "two empty objects are alike": (
        {"l": [{"x": {"k": 1}, "y": None}, {"x": {}, "y": 1}], "m": TEN},
        {"l": [{"x": {}, "y": {"p": 1, "q": 2}}], "m": TEN},
        0.7692,
    ),
    "lists are not less than not alike": (
        {"l": [{"k": [7, 8, 9]}, {"k": "7"}], "m": TEN},
        {"l": [{"k": [1, 2, 3]}], "m": TEN},
        0.5,
    ),
    "lists of lists: only whole items": (
        {"t": [["1", "2"], ["3", "4"]], "u": "5"},
        {"t": [["1", "7"], ["3", "4"], ["8", "9"]], "u": "5"},
        0.6,
    ),
    "an object for a text": (
        {"a": {"b": "1", "c": "2"}, "d": "3", "e": "4"},
        {"a": "1", "d": {"x": "3"}, "e": "4"},
        0.25,
    ),
    "keys with __ are no fields": (
        {"a": "1", "x__y": {"b": "2"}, "c": "3"},
        {"a": "1", "x__y": {"b": "5"}, "c": "3"},
        0.5,
    ),
    "a tie is rounded up: 1/32": (
        {f"k{n}": n for n in range(32)},
        {f"k{n}": -n for n in range(32)},
        0.0313,
    ),
    "numbers of any size": (
        {"l": [1e21, 1e-7, 100, 20, 3, 0.5], "k": 2},
        {"l": [20, 1e21, 3.5, 100, 1e-7, 7], "k": 2},
        0.4286,
    ),
    "the twelfth line before the second": ({"lines": LINES}, {"lines": WORSE}, 0.8333),
    "212 items: those that are frequent pair only beside a rare one": (
        {"l": ["A", *["a"] * 60, *["b"] * 150, "x"]},
        {"l": ["B", *["a"] * 59, *["b"] * 151, "x"]},
        0.4245,
    ),
}


@pytest.mark.parametrize(("truth", "found", "expected"), GOLDEN.values(), ids=GOLDEN.keys())
def test_json_accuracy_is_that_of_the_benchmark(truth: Any, found: Any, expected: float) -> None:
    assert json_accuracy(truth, found) == expected


def test_json_accuracy_beyond_objects() -> None:
    assert json_accuracy([{"a": 1}, {"b": 2}], [{"b": 2}, {"a": 1}]) == 1
    assert json_accuracy([1, 2], [1, 2, 3]) == 0.5
    assert json_accuracy("tea", "coffee") == json_accuracy({"a": 1}, [1]) == 0
    # The benchmark divides 0 by 0 here: no counted change is 1.
    assert json_accuracy({}, {"a": [1]}) == 1
    # JavaScript's numbers have no more: 10 ** 400 is Infinity there.
    assert json_accuracy({"a": 10**400, "b": -(10**400)}, {"a": 2 * 10**400, "b": 1}) == 0.5


def test_list_items_sort_as_in_javascript() -> None:
    # By UTF-16 units: the emoji's first is D83D, the full-width letter is FF46.
    tokens = sorted_tokens(["\uff46", "\U0001f600", 2, 10, True, None], [])
    assert [value for _, value in tokens] == [10, 2, None, True, "\U0001f600", "\uff46"]


def test_a_prediction_of_nothing_but_brackets() -> None:
    deep: Any = []
    for _ in range(900):
        deep = [deep]
    assert measure(INVOICE, deep) == (0, 0, 6, 0, 0, 2, 0, 0)
    assert measure(INVOICE, changed(total=deep))[:3] == (5 / 6, 5, 1)
    level: Any = plain(deep)
    for _ in range(MAX_DEPTH):
        (level,) = level
    assert level is None


def test_only_json_is_taken() -> None:
    with pytest.raises(TypeError, match="not a JSON value: set"):
        plain({"a": {1}})


KEYS = st.text("ab_.", max_size=3)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text("ab1 \u00e9\U0001f600", max_size=5),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(KEYS, values, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=150)
@given(JSON)
def test_identical_json_scores_one(value: Any) -> None:
    if value is None:  # an invalid answer
        return
    scores = summarize([measure(value, copy.deepcopy(value))])
    assert set(scores.values()) <= {1, None}
    assert (scores["anls_star"], scores["donut_tree"], scores["json_accuracy"]) == (1,) * 3


@settings(deadline=None, max_examples=150)
@given(JSON, JSON)
def test_every_score_is_a_share(truth: Any, found: Any) -> None:
    scores = summarize([measure(truth, found)])
    assert all(score is None or 0 <= score <= 1 for score in scores.values())


@settings(deadline=None, max_examples=100)
@given(JSON)
def test_a_truth_weighs_all_its_nodes_but_the_root(truth: Any) -> None:
    def weight(node: Node) -> int:
        return node.cost + sum(map(weight, node.children))

    whole = tree(truth)
    assert zss_distance(tree({}), whole) == weight(whole) - 1
    assert tree_accuracy(truth, {}) == (weight(whole) == 1)

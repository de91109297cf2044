"""Schemas of answers: read whole or refused whole, and grammars that hold to them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel
from test_decoding import TOKENIZER, VOCABULARY

from erniekit_finetuning.data.pair import compact
from erniekit_finetuning.data.schemas.reading import plain_schema
from erniekit_finetuning.data.schemas.tree import Array, Choice, Day, Number, Object, Print, Text
from erniekit_finetuning.decoding import Decoding, answer_tree, held, own_answer
from erniekit_finetuning.decoding.candidates import candidates
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.invoice.answer_schema import answer_schema

STRICT, PREFER, OFF = Decoding


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def allows(text: str, answer: Any, mode: Decoding = STRICT, **properties: Any) -> bool:
    """Whether an answer can be said to its end."""
    constraint = held(text, answer_tree(schema(**properties)), mode, "doc")(VOCABULARY)
    assert constraint is not None
    said = answer if isinstance(answer, str) else compact(answer)
    for token in TOKENIZER.encode(said, add_special_tokens=False).ids:
        if constraint.added()[token] == float("-inf"):
            return False
        constraint.accept(token)
    return bool(constraint.added()[VOCABULARY.end_token] == 0)


def faults(wrong: Any) -> list[str]:
    with pytest.raises(UnusableInput) as raised:
        answer_tree(wrong)
    return [str(problem.field) for problem in raised.value.problems]


STRING, NUMBER = {"type": "string"}, {"type": "number"}
DATE, NULLABLE = {"type": "string", "format": "date"}, {"type": ["string", "null"]}


def test_every_part_of_the_subset_is_read() -> None:
    whole = schema(
        text=STRING,
        rows={"type": ["string", "null"], "printed": "rows", "maxLength": 80},
        day=DATE,
        sum={"type": "string", "format": "amount"},
        number={"type": ["null", "number"]},
        count={"type": "integer"},
        paid={"type": "boolean"},
        nothing={"type": "null"},
        kind={"enum": ["a", 1, None], "title": "Kind"},
        version={"const": 2, "type": "integer"},
        lines={
            "type": "array",
            "minItems": 1,
            "maxItems": 3,
            "grounding": "prefer",
            "items": {"$ref": "#/$defs/line"},
        },
        tags={"type": "array", "items": {"type": "string", "grounding": "off"}},
        maybe={"anyOf": [{"$ref": "#/$defs/line"}, {"type": "null"}]},
    )
    whole["$defs"] = {"line": schema(sku={"type": "string", "grounding": "strict"}, price=NUMBER)}
    line = Object((("sku", Text(grounding=STRICT)), ("price", Number(grounding=PREFER))))
    assert answer_tree(whole).members == (
        ("text", Text()),
        ("rows", Text(Print.ROWS, 80, nullable=True)),
        ("day", Day()),
        ("sum", Text(Print.AMOUNT)),
        ("number", Number(nullable=True)),
        ("count", Number(whole=True)),
        ("paid", Choice(("true", "false"))),
        ("nothing", Choice(("null",))),
        ("kind", Choice(('"a"', "1", "null"))),
        ("version", Choice(("2",))),
        ("lines", Array(line, 1, 3)),
        ("tags", Array(Text(grounding=OFF), 0, 100)),
        (
            "maybe",
            Object((("sku", Text(grounding=STRICT)), ("price", Number())), nullable=True),
        ),
    )


def test_what_pydantic_writes_is_understood() -> None:
    class Item(BaseModel):
        name: str
        price: float | None = None

    class Order(BaseModel):
        number: str | None
        items: list[Item]
        paid: bool = False

    read = dict(answer_tree(Order.model_json_schema()).members)
    assert read["number"] == Text(nullable=True)
    assert read["items"] == Array(Object((("name", Text()), ("price", Number(nullable=True)))))


def test_all_faults_are_told_at_once_each_with_its_path() -> None:
    wrong = schema(
        a={"type": "string", "pattern": "x", "minLength": 1},
        b={"type": ["string", "number"]},
        c={"type": "array", "items": {"type": "number", "minimum": 0}, "maxItems": -1},
        d={"type": "string", "printed": "money", "grounding": "maybe", "format": "email"},
        e={"$ref": "#/$defs/gone"},
        f={"enum": [], "oneOf": []},
        g={"type": "object"},
        h={"anyOf": [STRING, NUMBER]},
        i=True,
        j={"enum": [["x"]], "type": "string"},
        k={"const": 5, "type": "string"},
        l={"type": "array", "items": STRING, "minItems": 3, "maxItems": 2},
        m={"type": "string", "format": "date", "maxLength": 4},
    )
    wrong["required"] = ["z"]
    assert sorted(faults(wrong)) == sorted(
        f"$.{path}" if path == "required" else f"$.properties.{path}"
        for path in (
            "a.pattern", "a.minLength", "b.type", "c.items.minimum", "c.maxItems", "d.printed",
            "d.grounding", "d.format", "e.$ref", "f.enum", "f.oneOf", "g.properties", "h.anyOf",
            "i", "j.enum", "k.type", "l.maxItems", "m.maxLength", "required",
        )
    )  # fmt: skip


def test_a_schema_that_never_ends_is_refused() -> None:
    assert faults(
        {**schema(a={"$ref": "#/$defs/a"}), "$defs": {"a": schema(b={"$ref": "#/$defs/a"})}}
    )
    doubling = {
        f"d{n}": schema(x={"$ref": f"#/$defs/d{n + 1}"}, y={"$ref": f"#/$defs/d{n + 1}"})
        for n in range(40)
    }
    doubling["d40"] = STRING
    assert len(faults({"$ref": "#/$defs/d0", "$defs": doubling})) == 1
    deep: Any = STRING
    for _ in range(5000):
        deep = {"type": "array", "items": deep}
    assert len(faults(schema(a=deep))) == 1


@pytest.mark.parametrize("wrong", [[], None, "x", {}, STRING, {"type": ["object", "null"]}])
def test_an_answer_is_an_object(wrong: Any) -> None:
    assert faults(wrong)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["type", "properties", "items", "enum", "const", "$ref", "anyOf", "maxItems",
             "printed", "grounding", "format", "required", "maxLength", "a"]
        ),
        inner | st.sampled_from(["object", "array", "string", "number", "date", "#/$defs/a"]),
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(JSON)
def test_any_json_is_a_schema_or_its_faults_are_told(anything: Any) -> None:
    problems = ()
    try:
        tree = answer_tree(anything)
    except UnusableInput as error:
        problems = error.problems
        tree = None
    assert isinstance(tree, Object) != bool(problems)
    assert all(str(problem.field).startswith("$") for problem in problems)


@pytest.mark.parametrize("full", [False, True])
def test_our_own_answer_is_a_schema_of_the_subset_and_a_plain_one_for_others(full: bool) -> None:
    own = answer_schema(full)
    assert own_answer(full) == answer_tree(own)
    plain = plain_schema(own)
    Draft202012Validator.check_schema(plain)
    assert "printed" not in json.dumps(plain)
    assert "grounding" not in json.dumps(plain)
    assert plain["properties"]["structured_data"]["required"]
    kinds = dict(answer_tree(own).members)["structured_data"]
    assert isinstance(kinds, Object)
    blocks = dict(kinds.members)
    assert isinstance(blocks["line_items"], Array)
    assert isinstance(blocks["line_items"].items, Object)
    assert isinstance(blocks["financial_summary"], Object)
    line, summary = (
        dict(blocks["line_items"].items.members),
        dict(blocks["financial_summary"].members),
    )
    assert line["discount"] == Text(Print.RATE, nullable=True)
    assert summary["discount"] == Text(Print.AMOUNT, nullable=True)
    assert summary["currency"] == Text(Print.CURRENCY, nullable=True)


PAGE = "Müller & Söhne GmbH\tInvoice 4711-B\nDate: 03/04/2025\tVAT 19 %\nTotal\tEUR 1.250,00-"


@pytest.mark.parametrize(
    ("printed", "value"),
    [
        ("date", "03/04/2025"),
        ("amount", "EUR 1.250,00-"),
        ("amount", "1.250,00"),
        ("number", "19"),
        ("rate", "19 %"),
        ("currency", "EUR"),
        ("identifier", "4711-B"),
        ("text", "Müller & Söhne GmbH"),
        ("rows", "Total\nInvoice 4711-B"),
    ],
)
def test_a_print_of_its_sort_can_be_said(printed: str, value: str) -> None:
    assert allows(PAGE, {"v": value}, v={"type": "string", "printed": printed})


@pytest.mark.parametrize(
    ("printed", "value"),
    [
        ("date", "Date"),
        ("date", "Date: 03/04/2025"),
        ("date", "Müller"),
        ("date", "4711"),
        ("amount", "03/04/2025"),
        ("amount", "EUR"),
        ("amount", "Invoice 4711"),
        ("rate", "%"),
        ("currency", "19"),
        ("currency", "VAT 19"),
        ("currency", "Total"),
        ("identifier", "Invoice"),
        ("identifier", "Date: 03/04/2025"),
        ("text", "Total\nInvoice"),
        ("rows", "Total Invoice"),
        ("amount", "250,00"),
    ],
)
def test_a_print_of_another_sort_cannot(printed: str, value: str) -> None:
    assert not allows(PAGE, {"v": value}, v={"type": "string", "printed": printed})


TAX_IDS = (
    *("DE123456789", "DE 123 456 789", "FR 05 987 654 321", "FRXX999999999", "ATU12345678"),
    *("NL123456789B01", "IE1S23456L", "ESX1234567X", "IT01234567890", "PL 123-456-78-90"),
    *("CHE-123.456.789 MWST", "27AAPFU0939F1ZV", "12.345.678/0001-90", "12-3456789"),
    *("201/113/40209", "GB 999 9999 73", "T1234567890123", "DE1Z3456789"),
)


def test_a_tax_id_is_what_some_country_could_print() -> None:
    kind = {"type": "string", "printed": "tax_id"}
    for printed in TAX_IDS:
        assert allows(f"UID: {printed}\tx", {"v": printed}, v=kind), printed
    for other in ("DE 12345 Berlin", "20 x 150g Becher", "1.250,00", "Herrn Muster", "12345"):
        assert not allows(f"UID: {other}\tDE123456789", {"v": other}, v=kind), other


def test_reach_ends_where_no_digit_is_near() -> None:
    far = "Acme " + "word " * 20 + "7 " + "word " * 20 + "end"
    identifier = {"type": "string", "printed": "identifier"}
    assert allows(far, {"v": "word 7 word"}, v=identifier)
    assert not allows(far, {"v": far}, v=identifier)


def test_dates_and_amounts_are_what_readers_read_or_what_ocr_makes_of_it() -> None:
    page = "O3.04.2025\t3. April 2025\t12345\n1O0,50 €\t1 250,00 EUR\t01.10.2018\tNo. 0815CO-123"
    page += "\t4012345001235\t201/113/40209"
    for printed, said, shut_out in (
        (
            "date",
            ("O3.04.2025", "3. April 2025", "01.10.2018"),
            ("12345", "1 250,00", "0815CO-123"),
        ),
        (
            "amount",
            ("1O0,50", "1 250,00 EUR", "1 250,00", "12345"),
            ("01.10.2018", "0815CO-123", "3. April 2025", "4012345001235", "40209", "113"),
        ),
    ):
        kind = {"type": "string", "printed": printed}
        assert all(allows(page, {"v": value}, v=kind) for value in said)
        assert not any(allows(page, {"v": value}, v=kind) for value in shut_out)


def test_bounds_of_strings_count_characters_not_bytes_or_escapes() -> None:
    page = 'ab"é"\\😀合'
    for longest in range(1, 9):
        short = {"type": "string", "maxLength": longest}
        for mode in (STRICT, OFF):
            assert allows(page, {"v": page}, mode, v=short) == (longest >= 8)
    rows = {"type": "string", "printed": "rows", "maxLength": 3}
    assert allows("a\nb\nc", {"v": "a\nb"}, v=rows)
    assert not allows("a\nb\nc", {"v": "a\nb\nc"}, v=rows)


def test_lists_keep_their_bounds() -> None:
    few = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 2}
    verdicts = [allows("a b", {"v": ["a"] * n}, v=few) for n in range(4)]
    assert verdicts == [False, True, True, False]
    lines = {"type": "array", "items": schema(n={"type": "integer"}, s=STRING), "maxItems": 1}
    assert allows("a 7", {"v": []}, v=lines)
    assert allows("a 7", {"v": [{"n": 7, "s": "a"}]}, v=lines)
    assert not allows("a 7", {"v": [{"n": 7, "s": "a"}] * 2}, v=lines)
    assert not allows("a 7", {"v": [{"s": "a", "n": 7}]}, v=lines)
    assert allows("a", {"v": []}, v={"type": "array", "items": STRING, "maxItems": 0})
    exact = {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 2}
    assert [allows("", {"v": [True] * n}, v=exact) for n in (1, 2, 3)] == [False, True, False]


def test_null_stands_only_where_it_may() -> None:
    for one in (
        NULLABLE,
        {"type": ["integer", "null"]},
        {"type": ["array", "null"], "items": STRING},
    ):
        assert allows("a 7", {"v": None}, v=one)
    for one in (STRING, NUMBER, DATE, {"type": "boolean"}, {"type": "array", "items": STRING}):
        assert not allows("a 7 03/04/2025", {"v": None}, v=one)


def test_choices_need_no_document() -> None:
    kind = {"enum": ["invoice", "credit note", "合計", None, 5]}
    for value in ("invoice", "credit note", "合計", None, 5):
        assert allows("", {"v": value}, v=kind)
    assert not allows("proforma", {"v": "proforma"}, v=kind)
    assert allows("", {"v": False}, v={"type": "boolean"})


def test_dates_and_numbers_are_those_that_the_document_can_mean() -> None:
    page = "Datum 03/04/2025\tfällig 3. Mai 2025\nBetrag (1.234,50)\t1.234 Stück 7,00"
    for day in ("2025-04-03", "2025-03-04", "2025-05-03"):
        assert allows(page, {"v": day}, v=DATE)
    assert not allows(page, {"v": "2025-05-04"}, v=DATE)
    for number in ("1234.50", "1234.5", "-1234.50", "1.234", "1234", "7", "7.00"):
        assert allows(page, f'{{"v":{number}}}', v=NUMBER)
    for number in ("1234.51", "-7", "234", "7.0", "007", "1e3"):
        assert not allows(page, f'{{"v":{number}}}', v=NUMBER)
    assert allows(page, {"v": 1234}, v={"type": "integer"})
    assert allows(page, {"v": 7}, v={"type": "integer"})
    assert not allows(page, '{"v":7.00}', v={"type": "integer"})
    assert not allows(page, '{"v":1234.5}', v={"type": "integer"})


def test_japanese_and_chinese_dates_are_read_where_no_space_parts_words() -> None:
    page = "発行日令和7年4月3日\t合計１，２３４円\n开票日期：2025年05月06日"
    found = candidates(page)
    assert {'"2025-04-03"', '"2025-05-06"'} <= found.days.keys()
    assert "1234" in found.whole
    assert found.days['"2025-04-03"'] == ("令和7年4月3",)
    assert found.days['"2025-05-06"'] == ("2025年05月06日",)
    assert allows(page, {"v": "合計"}, v=STRING)
    assert allows(page, {"合": "令和7年4月3日"}, 合={"type": "string", "printed": "date"})
    assert allows(page, {"v": "１，２３４円"}, v={"type": "string", "printed": "amount"})


def test_a_field_or_a_part_overrides_the_mode() -> None:
    loose = {"type": "string", "grounding": "off"}
    assert allows("a", {"v": "zz"}, v=loose)
    assert not allows("a", {"v": "zz"}, OFF, v={"type": "string", "grounding": "strict"})
    part = {**schema(x=STRING, y={"type": "string", "grounding": "strict"}), "grounding": "off"}
    assert allows("a", {"v": {"x": "zz", "y": "a"}}, v=part)
    assert not allows("a", {"v": {"x": "zz", "y": "zz"}}, v=part)
    items = {"type": "array", "grounding": "off", "items": STRING}
    assert allows("a", {"v": ["zz"], "w": "a"}, v=items, w=STRING)
    assert not allows("a", {"v": ["zz"], "w": "zz"}, v=items, w=STRING)


def test_without_grounding_only_types_and_bounds_are_held() -> None:
    assert allows("", {"v": 'any "thing"\n\\'}, OFF, v=STRING)
    assert allows("", {"v": "2025-12-31"}, OFF, v=DATE)
    assert not allows("", {"v": "31.12.2025"}, OFF, v=DATE)
    assert allows("", {"v": -12.5}, OFF, v=NUMBER)
    assert not allows("", {"v": 12.5}, OFF, v={"type": "integer"})
    # A weak model would not end.
    assert allows("", {"v": "x" * 500}, OFF, v=STRING)
    assert not allows("", {"v": "x" * 501}, OFF, v=STRING)
    assert not allows("", {"v": "1" * 46}, OFF, v={"type": "string", "printed": "amount"})
    assert not allows("", '{"v":1.1234567}', OFF, v=NUMBER)
    assert not allows("", '{"v": "x"}', OFF, v=STRING)


def test_every_value_that_nothing_can_be_is_named() -> None:
    own = schema(
        due=DATE,
        maybe={"type": ["string", "null"], "format": "date"},
        lines={"type": "array", "items": schema(price=NUMBER)},
        parts={"type": "array", "items": schema(price=NUMBER), "minItems": 1},
        sum={"type": "string", "printed": "amount"},
        code={"type": "string", "maxLength": 2},
    )
    with pytest.raises(UnusableInput) as raised:
        held("no digit", answer_tree(own), STRICT, "scan-7")
    problems = raised.value.problems
    assert [one.field for one in problems] == ["due", "parts[].price", "sum"]
    assert {one.file for one in problems} == {"scan-7"}
    short = schema(code={"type": "string", "maxLength": 1})
    with pytest.raises(UnusableInput, match=r"scan-7: code: nothing"):
        held("no digit", answer_tree(short), STRICT, "scan-7")
    held("no digit", answer_tree(own), PREFER, "scan-7")
    assert allows("no", {"v": []}, v={"type": "array", "items": NUMBER})


HOSTILE = 'a"b\\c\x00d\x1be\u202eשלום\u200f 😀\U0001f9fe\ud800x </s> <0x41> \\u0041 {"v":"}'


def test_a_hostile_document_holds_and_ends() -> None:
    assert allows(HOSTILE, {"v": 'a"b\\c'}, v=STRING)
    assert allows(HOSTILE, {"v": "שלום\u200f 😀\U0001f9fe"}, v=STRING)
    assert allows(HOSTILE, {"v": '{"v":"}'}, v=STRING)
    assert not allows(HOSTILE, {"v": "A"}, v=STRING)
    assert not allows(HOSTILE, '{"v":"\ud83d"}'.encode("utf-8", "replace").decode(), v=STRING)


def test_a_document_of_200_000_characters_is_read() -> None:
    rows = "".join(
        f"{n}\tItem {n % 97} of lot {n * 7919 % 1000}\t{n * 31 % 9973}.{n % 100:02d}\n"
        for n in range(8000)
    )
    assert len(rows) > 200_000
    page = rows[:200_000]
    amount = {"type": "string", "printed": "amount"}
    assert allows(page, {"d": "Item 5 of lot", "v": "31.01"}, d=STRING, v=amount)
    assert not allows(page, {"d": "Item 98", "v": "31.01"}, d=STRING, v=amount)

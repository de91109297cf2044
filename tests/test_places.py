"""Every value of an answer stands where it is said to: in the text, the words and the boxes."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erniekit_finetuning.decoding import Placed, answer_tree, own_answer, placed
from erniekit_finetuning.decoding.units import rows
from erniekit_finetuning.documents.locate import Locator
from erniekit_finetuning.documents.model import Document, Page, Word
from erniekit_finetuning.documents.text import document_text
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.invoice.response import structured_data
from synthetic_invoice_generator.config import load_config
from synthetic_invoice_generator.dataset.stream import pdf_documents

GENERATOR = Path(__file__).parents[1] / "configs/generator/default.yaml"


def page(*lines: str) -> Page:
    """Rows of words of equal height; a tab makes a wide gap."""
    words = []
    for number, line in enumerate(lines):
        left = 0.05
        for column in line.split("\t"):
            for text in column.split():
                right = left + 0.01 * len(text)
                words.append(Word(text, (left, 0.05 + 0.03 * number, right, 0.07 + 0.03 * number)))
                left = right + 0.005
            left += 0.1
    return Page(1000, 1000, tuple(words))


DOCUMENT = Document(
    (
        page("Acme Ltd\tInvoice 7", "1 High St", "Leeds\tDate 03/04/2025", "Bolt\t2\t12.50"),
        page("Acme Ltd\tTotal\tGBP 1,250.00", "paid 1250\tTotal", "合計1000円"),
    )
)
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "address": {"type": ["string", "null"], "printed": "rows"},
        "day": {"type": ["string", "null"], "format": "date"},
        "total": {"type": ["number", "null"]},
        "kind": {"enum": ["Total", "Invoice"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "lines": {
            "type": ["array", "null"],
            "items": {
                "type": "object",
                "properties": {"count": {"type": "integer"}, "price": {"type": "number"}},
            },
        },
    },
}


def found(**answer: Any) -> dict[str, Placed]:
    return {one.path: one for one in placed(answer, answer_tree(SCHEMA), DOCUMENT)}


def said(one: Placed) -> list[tuple[int, str]]:
    """The page and the text of each place, by its spans."""
    text = document_text(DOCUMENT)
    return [
        (place.page, "".join(text[start:stop] for start, stop in place.spans))
        for place in one.places
    ]


def test_a_value_has_all_its_places() -> None:
    name = found(name="Acme Ltd")["name"]
    assert said(name) == [(1, "Acme Ltd"), (2, "Acme Ltd")]
    first = name.places[0]
    assert [word.text for word in first.words] == ["Acme", "Ltd"]
    assert first.box == (first.words[0].box[0], 0.05, first.words[1].box[2], 0.07)
    assert said(found(tags=["Total", "Acme"])["tags[0]"]) == [(2, "Total"), (2, "Total")]


def test_the_lines_of_an_address_have_a_place_each() -> None:
    assert said(found(address="1 High St\nLeeds")["address"]) == [(1, "1 High St"), (1, "Leeds")]


def test_normalised_values_stand_where_a_print_can_mean_them() -> None:
    assert said(found(day="2025-04-03")["day"]) == [(1, "03/04/2025")]
    assert said(found(day="2025-03-04")["day"]) == [(1, "03/04/2025")]
    for number in (1250, 1250.0, Decimal("1250.00"), "1250.0"):
        assert said(found(total=number)["total"]) == [(2, "1,250.00"), (2, "1250")]
    lines = found(lines=[{"count": 2, "price": 12.5}])
    assert said(lines["lines[0].count"]) == [(1, "2")]
    assert said(lines["lines[0].price"]) == [(1, "12.50")]


def test_what_needs_no_document_or_is_not_in_it_has_no_place() -> None:
    answer = found(
        name="Zeta", kind="Total", total=None, day="2025-12-31", lines=None, address=None
    )
    assert [one.value for one in answer.values()] == [
        "Zeta",
        None,
        "2025-12-31",
        None,
        "Total",
        None,
    ]
    assert not any(one.places for one in answer.values())
    assert found(total=float("1e300"))["total"].places == ()


def test_what_the_schema_has_no_place_for_is_told_whole() -> None:
    with pytest.raises(UnusableInput) as raised:
        found(name=["x"], more=1, tags="x", lines=[{"sku": "x"}, 5])
    fields = sorted(str(problem.field) for problem in raised.value.problems)
    assert fields == ["lines[0].sku", "lines[1]", "more", "name", "tags"]


WORDS = st.text("aB7.,'’-/²é合計ก(€😀_\u0627\u0941", min_size=1, max_size=6)
LINES = st.lists(st.lists(WORDS, min_size=1, max_size=4).map(" ".join), min_size=1, max_size=4)


@settings(max_examples=200, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=3), st.data())
def test_every_span_that_can_be_said_is_found_where_it_stands(
    pages: list[list[str]], data: st.DataObject
) -> None:
    document = Document(tuple(page(*lines) for lines in pages))
    text = document_text(document)
    units = data.draw(st.sampled_from([row for row in rows(text) if row]))
    first = data.draw(st.integers(0, len(units) - 1))
    value = "".join(units[first : data.draw(st.integers(first + 1, len(units)))]).strip()
    if not value:
        return
    places = Locator(document).found(value)
    assert places
    for place in places:
        read = "".join(text[start:stop] for start, stop in place.spans)
        assert "".join(read.split()) == "".join(value.split())
        whole = "".join(word.text for word in place.words)
        assert "".join(value.split()) in whole


def test_a_footnote_after_a_period_is_no_decimal() -> None:
    """Regression: 77 had no place in "77.²"."""
    assert len(Locator(Document((page("77.²", "77.2"),))).found("77")) == 1


def test_every_printed_value_of_generated_invoices_has_its_place() -> None:
    without = 0
    total = 0
    for invoice, document in pdf_documents(load_config(GENERATOR), seed=12, start=0, count=40):
        text = document_text(document)
        for one in placed({"structured_data": structured_data(invoice)}, own_answer(), document):
            if one.value is None:
                assert one.places == ()
                continue
            total += 1
            without += not one.places
            printed = {"".join(line.split()) for line in one.value.split("\n")}
            for place in one.places:
                read = "".join(text[start:stop] for start, stop in place.spans)
                assert "".join(read.split()) in printed
    assert total > 1000
    assert without <= 0.001 * total

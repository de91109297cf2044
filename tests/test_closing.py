"""Answers that were cut off: every start of one closes to JSON that says nothing new."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judged import ANSWER

from erniekit_finetuning.data.pair import compact
from erniekit_finetuning.invoice.answer import read_answer
from erniekit_finetuning.invoice.closing import closed

KEYS = st.text('ab"\\{}[]:,é😀 \n', max_size=4)
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    LEAVES | KEYS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from leaves(inner, (*path, key))
    else:
        yield (*path, type(value), value)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=4), st.booleans(), st.booleans())
def test_every_start_of_every_answer_closes(answer: Any, ascii_only: bool, loose: bool) -> None:
    whole = json.dumps(answer, ensure_ascii=ascii_only, indent=1 if loose else None)
    allowed, before = set(leaves(answer)), 0
    for stop in range(len(whole) + 1):
        found = closed(whole[:stop])
        said = set(leaves(json.loads(found.text)))
        assert said <= allowed
        assert len(said) >= before  # more text never says less
        assert whole[:stop].endswith(found.dropped)
        before = len(said)
    assert found == (whole, "")


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("", "{}"),
        ("{", "{}"),
        ('{"a":12', "{}"),
        ('{"a":12,', '{"a":12}'),
        ('{"a":12}', '{"a":12}'),
        ('{"a":true', '{"a":true}'),
        ('{"a":tru', "{}"),
        ('{"a":-', "{}"),
        ('{"a":"x', "{}"),
        ('{"a":"x\\', "{}"),
        ('{"a":"x\\"', "{}"),
        ('{"a":"x"', '{"a":"x"}'),
        ('{"a":"x","b', '{"a":"x"}'),
        ('{"a":"x","b"', '{"a":"x"}'),
        ('{"a":"x","b":', '{"a":"x"}'),
        ('{"a":{"b":{"c":', '{"a":{"b":{}}}'),
        ('{"a":[{"b":1},{"b":2', '{"a":[{"b":1}]}'),
        ('{"a":[{"b":1},{"b":null,"c":2', '{"a":[{"b":1},{"b":null}]}'),
        ('{"a":[[[', '{"a":[]}'),
        ('{"a":["x","y', '{"a":["x"]}'),
        ('{"a":[1,2', '{"a":[1]}'),
        ('{"a":[{"b":[{"c":1},{', '{"a":[{"b":[{"c":1}]}]}'),
    ],
)
def test_what_is_torn_is_dropped(text: str, whole: str) -> None:
    assert closed(text).text == whole


@pytest.mark.parametrize("text", ["no JSON", '"x"', "[1, 2]", '{"a":1} and more', "}{", "{,]"])
def test_what_is_no_start_of_an_object_is_not_mended(text: str) -> None:
    assert closed(text).dropped == "" or not read_answer(text, finished=False).invoice.lines
    assert read_answer(text, finished=False).problem is not None


@settings(max_examples=200)
@given(st.text('{}[]",:\\ntrue1 ', max_size=30))
def test_any_text_closes_without_an_error(text: str) -> None:
    assert isinstance(closed(text).text, str)


def test_an_answer_that_was_cut_off_is_read_as_far_as_it_goes() -> None:
    whole = compact(ANSWER)
    cut = whole[: whole.index('"line_total"')]
    answer = read_answer(cut, finished=False)
    assert (answer.truncated, answer.problem) == (True, None)
    everything = read_answer(whole).invoice
    assert answer.invoice.seller == everything.seller
    assert len(answer.invoice.lines) == 1
    assert answer.invoice.lines[0].description == everything.lines[0].description
    assert answer.invoice.lines[0].net_amount is None
    assert answer.invoice.totals.payable is None
    assert not read_answer(whole).truncated
    assert read_answer(cut).problem is not None  # a finished answer is not mended
    assert not read_answer(cut).truncated

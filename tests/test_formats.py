"""Formats: exact as engines read them, and back again; tags are counted, text is not mistaken."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erniekit_finetuning.data.escaping import IMAGE_TAG, escaped, escaped_answer, unescaped
from erniekit_finetuning.data.formats import FORMATS
from erniekit_finetuning.data.formats.detecting import format_of
from erniekit_finetuning.data.formats.format import Format
from erniekit_finetuning.data.pair import Pair, Turn, faults
from erniekit_finetuning.errors import UnusableInput

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(str.strip)
PLAIN = TEXT.map(escaped)


@st.composite
def pairs(draw: st.DrawFn, images: int = 3, tags_in_front: bool = False) -> Pair:
    names = tuple(draw(st.lists(TEXT, max_size=images)))
    turns = []
    if not tags_in_front and draw(st.booleans()):
        turns.append(Turn(role="system", content=draw(PLAIN)))
    left = len(names)
    for number in range(draw(st.integers(1, 3))):
        here = left if number == 0 else 0
        question = IMAGE_TAG * here + draw(PLAIN)
        turns += [
            Turn(role="human", content=question),
            Turn(role="assistant", content=draw(PLAIN)),
        ]
    return Pair(
        id=draw(st.none() | TEXT),
        image=names[0] if len(names) == 1 else None,
        images=names if len(names) > 1 else None,
        conversations=tuple(turns),
        text=draw(PLAIN) if names else None,
    )


def row_or_none(one: Format, pair: Pair) -> dict[str, Any] | None:
    """The row; None where the format says that it has no place for the pair."""
    try:
        return one.row(pair)
    except UnusableInput as error:
        if "has no place for" in str(error):
            return None
        raise


@given(pairs())
@pytest.mark.parametrize("name", FORMATS)
def test_a_round_trip_gives_the_same_pair(name: str, pair: Pair) -> None:
    assert not list(faults(pair))
    one = FORMATS[name]
    row = row_or_none(one, pair)
    if row is None:
        return
    again = one.read(json.loads(json.dumps(row)))
    assert again == one.kept(pair)
    assert not list(faults(again))
    # What the format keeps goes round and round unchanged.
    assert one.row(again) == row
    assert format_of(row) is one


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_holds_the_pair_that_most_people_have(name: str) -> None:
    pair = Pair(
        id="7",
        image="a.png",
        conversations=(
            Turn(role="human", content="<image>\nExtract the invoice as JSON."),
            Turn(role="assistant", content='{"total":"5.00"}'),
        ),
        text="Total 5.00",
    )
    assert FORMATS[name].read(FORMATS[name].row(pair)) == FORMATS[name].kept(pair)


def test_the_rows_are_exactly_what_the_engines_read() -> None:
    turns = (
        Turn(role="human", content="<image>\nRead."),
        Turn(role="assistant", content='{"a":1}'),
    )
    pair = Pair(id="x", image="p.png", conversations=turns, text="Total 5")
    rows = {name: one.row(pair) for name, one in FORMATS.items()}
    assert rows == {
        "pairs": {
            "id": "x",
            "image": "p.png",
            "conversations": [
                {"role": "human", "content": "<image>\nRead."},
                {"role": "assistant", "content": '{"a":1}'},
            ],
            "text": "Total 5",
        },
        "messages": {
            "messages": [
                {"role": "user", "content": "<image>\nRead."},
                {"role": "assistant", "content": '{"a":1}'},
            ],
            "images": ["p.png"],
        },
        "erniekit": {"src": ["Total 5\nRead."], "tgt": ['{"a":1}']},
        "erniekit-vl": {
            "image_info": [{"matched_text_index": 0, "image_url": "p.png"}],
            "text_info": [
                {"text": "\nRead.", "tag": "mask"},
                {"text": '{"a":1}', "tag": "no_mask"},
            ],
        },
        "sharegpt": {
            "conversations": [
                {"from": "human", "value": "<image>\nRead."},
                {"from": "gpt", "value": '{"a":1}'},
            ],
            "images": ["p.png"],
        },
        "alpaca": {"instruction": "Total 5\nRead.", "input": "", "output": '{"a":1}'},
    }


@pytest.mark.parametrize(
    ("name", "row", "what"),
    [
        ("erniekit", {"src": ["a", "b"], "tgt": ["c"]}, "differ in length"),
        ("erniekit", {"src": ["a"], "tgt": ["c"], "label": [0]}, "not trained"),
        ("erniekit", {"src": 1, "tgt": "c"}, "src"),
        ("erniekit-vl", {"image_info": [], "text_info": []}, "alternate"),
        (
            "erniekit-vl",
            {
                "image_info": [{"matched_text_index": 1, "image_url": "a"}],
                "text_info": [{"text": "q", "tag": "mask"}, {"text": "a", "tag": "no_mask"}],
            },
            "before no question",
        ),
        ("messages", {"messages": [{"role": "bot", "content": "x"}]}, "role"),
        ("messages", {"messages": [], "colour": 1}, "unknown key"),
        ("sharegpt", {"conversations": [{"from": "human"}]}, "key is missing"),
        ("alpaca", {"instruction": "a"}, "output: the key is missing"),
        ("pairs", {"conversations": [{"role": "human", "content": None}]}, "content"),
    ],
)
def test_a_row_that_is_not_of_the_format_says_why(
    name: str, row: dict[str, object], what: str
) -> None:
    with pytest.raises(UnusableInput, match=what):
        FORMATS[name].read(row)


def test_what_a_format_has_no_place_for_is_an_error_not_a_loss() -> None:
    system = Turn(role="system", content="You read.")
    asked, said = Turn(role="human", content="Hi"), Turn(role="assistant", content="Yo")
    with pytest.raises(UnusableInput, match=r"alpaca has no place.*system"):
        FORMATS["alpaca"].row(Pair(conversations=(system, asked, said)))
    with pytest.raises(UnusableInput, match="has no place for a pair without an image"):
        FORMATS["erniekit-vl"].row(Pair(conversations=(asked, said)))
    middle = Turn(role="human", content="See <image> here")
    with pytest.raises(UnusableInput, match="in the middle of a text"):
        FORMATS["erniekit-vl"].row(Pair(image="a", conversations=(middle, said)))


@given(st.text())
def test_an_escaped_text_holds_no_tag_and_comes_back(text: str) -> None:
    for tricky in (text, text + "<image>", "<\\image>" + text, "<\\\\image>" + text):
        assert IMAGE_TAG not in escaped(tricky)
        assert unescaped(escaped(tricky)) == tricky


@given(st.text(), st.sampled_from(["<image>", "\\<image>", '"<image>', "<<image>>"]))
def test_a_json_answer_with_a_tag_keeps_its_value(text: str, tag: str) -> None:
    answer = {"name": text + tag, tag: [tag, 1]}
    safe = escaped_answer(json.dumps(answer, ensure_ascii=False))
    assert IMAGE_TAG not in safe
    assert json.loads(safe) == answer


def test_every_fault_of_a_pair_is_named() -> None:
    pair = Pair(
        image="a.png",
        images=("b.png",),
        conversations=(
            Turn(role="human", content="<image><image>"),
            Turn(role="human", content=" "),
            Turn(role="assistant", content="<image>"),
        ),
    )
    said = " | ".join(problem.what for problem in faults(pair))
    for what in ("not in order", "empty", "in a turn that shows no image", "both image", "tags"):
        assert what in said

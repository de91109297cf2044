"""Preferred decoding: the document's values win until another is clearly more probable."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_decoding import TOKENIZER, VOCABULARY

from erniekit_finetuning.data.pair import compact
from erniekit_finetuning.decoding import Decoding, answer_tree, held
from erniekit_finetuning.decoding.preference import PENALTY
from erniekit_finetuning.engines.open_batch import Scored, choose
from erniekit_finetuning.engines.protocol import Constraint

PAGE = "Acme Ltd\tTotal 12.50\t03/04/2025"
SHAPE = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "total": {"type": "number"},
        "day": {"type": ["string", "null"], "format": "date"},
        "sure": {"type": ["string", "null"], "grounding": "strict"},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 12}},
    },
}


def preferring(text: str = PAGE) -> Constraint:
    constraint = held(text, answer_tree(SHAPE), Decoding.PREFER, "doc")(VOCABULARY)
    assert constraint is not None
    return constraint


def paid(answer: str, text: str = PAGE) -> list[float]:
    """What was added to the logit of each token of an answer."""
    constraint, costs = preferring(text), []
    for token in TOKENIZER.encode(answer, add_special_tokens=False).ids:
        costs.append(float(constraint.added()[token]))
        if costs[-1] == -np.inf:
            return costs
        constraint.accept(token)
    assert constraint.added()[VOCABULARY.end_token] == 0
    return costs


def answer(**change: Any) -> str:
    plain = {
        "name": "Acme Ltd",
        "total": 12.5,
        "day": "2025-04-03",
        "sure": "Acme",
        "tags": ["Ltd"],
    }
    return compact(plain | change)


@pytest.mark.parametrize(
    ("change", "outside"),
    [
        ({}, 0),
        ({"name": "Acme"}, 0),
        ({"name": "Acme GmbH"}, 1),
        ({"name": "Acm"}, 1),
        ({"name": ""}, 1),
        ({"total": 99}, 1),
        ({"total": 12.51}, 1),
        ({"day": "2025-05-03"}, 1),
        ({"day": None}, 0),
        ({"name": "Zeta", "tags": ["Zeta", "Acme", "Zeta"]}, 1),  # said before: free to say again
        ({"name": "Zeta", "tags": ["Yota", "Zeta", "Yota"]}, 2),
        ({"name": 'a "quoted" \\ 😀 name'}, 1),
    ],
)
def test_each_value_outside_the_document_is_paid_once(change: dict[str, Any], outside: int) -> None:
    assert sorted(set(paid(answer(**change)))) == ([-PENALTY, 0] if outside else [0])
    assert paid(answer(**change)).count(-PENALTY) == outside


@pytest.mark.parametrize(
    "change", [{"sure": "Zeta"}, {"name": 5}, {"name": None}, {"tags": ["x" * 13]}, {"day": "x"}]
)
def test_shapes_and_strict_fields_hold_whatever_it_costs(change: dict[str, Any]) -> None:
    assert paid(answer(**change))[-1] == -np.inf


def test_a_document_that_holds_no_such_value_costs_nothing() -> None:
    assert set(paid(answer(sure=None), text="")) == {0.0}
    no_number = paid(answer(name="Zeta", total=99, sure=None, day=None, tags=[]), text="Acme")
    assert no_number.count(-PENALTY) == 1  # the name's


@settings(max_examples=40, deadline=None)
@given(
    st.text('Acme Ld"\\😀合\n', max_size=6),
    st.integers(-99, 99),
    st.lists(st.text("Acme Ltd,", max_size=5), max_size=3),
)
def test_every_answer_of_the_shape_can_be_said(name: str, total: int, tags: list[str]) -> None:
    costs = paid(answer(name=name, total=total, tags=tags))
    assert set(costs) <= {0.0, -PENALTY}
    assert costs.count(-PENALTY) <= 2 + len(tags)


@pytest.mark.parametrize(("surer", "chosen"), [(PENALTY - 0.01, "A"), (PENALTY + 0.01, "Z")])
def test_another_value_is_said_when_it_is_more_probable_by_the_penalty(
    surer: float, chosen: str
) -> None:
    constraint = preferring()
    for token in TOKENIZER.encode('{"name":"', add_special_tokens=False).ids:
        constraint.accept(token)
    logits = np.full((1, VOCABULARY.size), -50, np.float32)
    logits[0, TOKENIZER.token_to_id("A")] = 1
    logits[0, TOKENIZER.token_to_id("Z")] = 1 + surer
    token, logprob, allowed = choose(Scored.of(logits), 0, constraint)
    assert TOKENIZER.id_to_token(token) == chosen
    # The model's own probability, before anything was added.
    told = logits[0, token] - np.log(np.exp(logits[0].astype(float)).sum())
    assert logprob == pytest.approx(told, abs=1e-5)
    # Both letters might be said, and some of what is left: the share is between theirs and all.
    assert logprob <= allowed <= 0
    _, free, all_of_it = choose(Scored.of(logits), 0, None)
    assert all_of_it == 0
    assert free <= 0


def test_an_answer_in_the_making_is_json_of_the_shape() -> None:
    generator = np.random.default_rng(5)
    constraint, tokens = preferring(), list[int]()
    while not tokens or tokens[-1] != VOCABULARY.end_token:
        logits = generator.normal(0, 4, (1, VOCABULARY.size)).astype(np.float32)
        if len(tokens) > 300:  # end what is open
            logits[0, [TOKENIZER.token_to_id(end) for end in ('"', "]", "}")]] += 30
        tokens.append(choose(Scored.of(logits), 0, constraint).token)
        assert len(tokens) < 3000
    said = json.loads(TOKENIZER.decode(tokens))
    assert list(said) == list(SHAPE["properties"])  # type: ignore[call-overload]

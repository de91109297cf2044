"""Guesses of what an answer says next: copies of what it may repeat."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erniekit_finetuning.engines.guessing import MOST, Guesses

TEXTS = st.lists(st.integers(0, 4), max_size=30)


def test_the_longest_agreement_is_copied() -> None:
    assert Guesses([1, 2, 3, 9, 2, 3, 4, 5]).after([7, 1, 2, 3], len) == [9, 2, 3, 4, 5]
    assert Guesses([9, 2, 3, 4], [1, 2, 3, 5]).after([1, 2, 3], len) == [5]


def test_what_may_not_come_is_not_guessed() -> None:
    """A text whose next token may not come gives way to the next one."""
    guesses = Guesses([1, 2, 3, 9], [3, 5, 6, 7])
    assert guesses.after([1, 2, 3], lambda tokens: int(tokens[:1] == [9])) == [9]
    assert guesses.after([1, 2, 3], lambda tokens: 2 * (tokens[:1] == [5])) == [5, 6]
    assert guesses.after([1, 2, 3], lambda _: 0) == []


def test_a_copy_goes_on_where_the_one_before_ended() -> None:
    """Lines repeat: the second 1 is followed by what follows the second 1 of the text."""
    guesses = Guesses([1, 20, 1, 30, 1, 40])
    assert guesses.after([1], len)[0] == 20
    guesses.right(1)
    assert guesses.after([8, 1], len)[0] == 30
    guesses.right(0)  # it was wrong: nothing was copied
    assert guesses.after([8, 1], len)[0] == 30


def test_what_was_said_in_this_answer_may_be_said_again() -> None:
    assert Guesses([]).after([1, 2, 3, 1, 2], len) == [3, 1, 2]


@pytest.mark.parametrize("said", [[], [5]])
def test_nothing_is_guessed_where_nothing_agrees(said: list[int]) -> None:
    assert Guesses([1, 2, 3], []).after(said, len) == []


@given(TEXTS, TEXTS, TEXTS)
def test_a_guess_follows_the_last_token_in_one_of_the_texts(
    prompt: list[int], other: list[int], said: list[int]
) -> None:
    found = Guesses(prompt, other).after(said, len)
    assert len(found) <= MOST
    if found:
        copied = [said[-1], *found]
        assert any(
            text[at : at + len(copied)] == copied
            for text in (prompt, other, said)
            for at in range(len(text))
        )
